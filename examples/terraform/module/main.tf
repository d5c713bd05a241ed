# A restricted IAM user as a module. The access key is made and kept by the stack; Terraform's state
# holds the name of the secret and never the secret itself, so do not read it with a data source.

terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

resource "aws_cloudformation_stack" "this" {
  name         = var.name
  template_url = var.template_url
  capabilities = ["CAPABILITY_IAM"]

  parameters = merge(
    {
      PolicyTemplate        = var.policy_template
      UserName              = var.user_name
      PolicyName            = var.policy_name
      Serial                = var.serial
      PreviousKeyGraceHours = var.previous_key_grace_hours
      RotationSchedule      = var.rotation_schedule
      Regions               = join(",", var.regions)
      VpcId                 = var.vpc_id
      PublicIps             = var.public_ips
      AmiOwners             = join(",", var.ami_owners)
      AllowedCidrs          = join(",", var.allowed_cidrs)
      ReaderArns            = join(",", var.reader_arns)
      ReplicaRegions        = join(",", var.replica_regions)
    },
    var.other_parameters,
  )

  tags = var.tags
}
