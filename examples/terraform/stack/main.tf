# The module at work: a user that rotates by itself and works from one network only.

variable "template_url" {
  type = string
}

variable "serial" {
  type    = string
  default = "1"
}

module "installer" {
  source = "../module"

  template_url      = var.template_url
  user_name         = "TerraformInstaller"
  policy_name       = "TerraformInstaller"
  serial            = var.serial
  rotation_schedule = "rate(60 days)"
  public_ips        = "none"
  allowed_cidrs     = ["203.0.113.0/24", "198.51.100.7/32"]
}

output "secret_arn" {
  value = module.installer.secret_arn
}

output "read_credentials" {
  value = module.installer.read_credentials
}
