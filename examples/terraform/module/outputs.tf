output "user_name" {
  value = aws_cloudformation_stack.this.outputs["UserName"]
}

output "user_arn" {
  value = aws_cloudformation_stack.this.outputs["UserArn"]
}

output "secret_arn" {
  value = aws_cloudformation_stack.this.outputs["SecretArn"]
}

output "policy_arns" {
  value = split(",", aws_cloudformation_stack.this.outputs["PolicyArns"])
}

output "read_credentials" {
  description = "The command that prints the credentials"
  value       = aws_cloudformation_stack.this.outputs["ReadCredentials"]
}

output "profile" {
  description = "Lines for ~/.aws/config"
  value       = aws_cloudformation_stack.this.outputs["Profile"]
}
