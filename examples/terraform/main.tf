# A restricted IAM user from Terraform. The access key is made and kept by the stack; Terraform's state
# holds the name of the secret and never the secret itself, so do not read it with a data source.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "template_url" {
  type        = string
  description = "Published template, such as https://acme-launch-eu-west-1.s3.eu-west-1.amazonaws.com/restricted-iam-user/1.2.3/template.yaml"
}

variable "serial" {
  type        = string
  default     = "1"
  description = "Change it to rotate the access key"
}

resource "aws_cloudformation_stack" "restricted_iam_user" {
  name         = "restricted-iam-user"
  template_url = var.template_url
  capabilities = ["CAPABILITY_IAM"]

  parameters = {
    PolicyTemplate = "vanilla"
    UserName       = "Provazio"
    Serial         = var.serial
  }
}

output "secret_arn" {
  value = aws_cloudformation_stack.restricted_iam_user.outputs["SecretArn"]
}

output "read_credentials" {
  value = aws_cloudformation_stack.restricted_iam_user.outputs["ReadCredentials"]
}
