# A user of an installed provider (PolicyTemplate none), as one resource in a stack of its own.

terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

variable "serial" {
  type        = string
  default     = "1"
  description = "Change it to rotate the access key"
}

data "aws_cloudformation_export" "provider" {
  name = "restricted-iam-user-ServiceToken"
}

resource "aws_cloudformation_stack" "installer" {
  name = "analytics-terraform"

  template_body = jsonencode({
    Resources = {
      Installer = {
        Type = "Custom::RestrictedIAMUser"
        Properties = {
          ServiceToken   = data.aws_cloudformation_export.provider.value
          ServiceTimeout = 900
          UserName       = "TerraformAnalytics"
          PolicyTemplate = "vanilla"
          Serial         = var.serial
        }
      }
    }
    Outputs = {
      SecretArn = { Value = { "Fn::GetAtt" = ["Installer", "SecretArn"] } }
    }
  })
}

output "secret_arn" {
  value = aws_cloudformation_stack.installer.outputs["SecretArn"]
}
