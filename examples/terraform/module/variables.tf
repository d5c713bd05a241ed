variable "template_url" {
  type        = string
  description = "Published template, such as https://acme-launch-eu-west-1.s3.eu-west-1.amazonaws.com/restricted-iam-user/1.2.3/template.yaml"
}

variable "name" {
  type        = string
  default     = "restricted-iam-user"
  description = "Name of the stack"
}

variable "policy_template" {
  type        = string
  default     = "vanilla"
  description = "Permissions of the user; the holder of an eks key can become administrator"
}

variable "user_name" {
  type        = string
  default     = "Provazio"
  description = "Name of the user"
}

variable "policy_name" {
  type        = string
  default     = "ManageIguazioSystems"
  description = "Name of its managed policies, or what their names begin with"
}

variable "serial" {
  type        = string
  default     = "1"
  description = "Change it to rotate the access key"
}

variable "previous_key_grace_hours" {
  type        = number
  default     = 24
  description = "Hours that a replaced key goes on working"
}

variable "rotation_schedule" {
  type        = string
  default     = ""
  description = "Schedule of rotations by Secrets Manager, such as rate(60 days)"
}

variable "regions" {
  type        = list(string)
  default     = []
  description = "Regions the installer may work in; none means the provider's own"
}

variable "vpc_id" {
  type        = string
  default     = ""
  description = "Existing VPC that the user must stay in"
}

variable "public_ips" {
  type        = string
  default     = "allowed"
  description = "none refuses public addresses"
}

variable "ami_owners" {
  type        = list(string)
  default     = []
  description = "Owners of the images that may be launched; none means any"
}

variable "allowed_cidrs" {
  type        = list(string)
  default     = []
  description = "Networks that the key may be used from; none means anywhere"
}

variable "reader_arns" {
  type        = list(string)
  default     = []
  description = "Principals that may read the secret"
}

variable "replica_regions" {
  type        = list(string)
  default     = []
  description = "Other regions that get a copy of the secret"
}

variable "other_parameters" {
  type        = map(string)
  default     = {}
  description = "Further parameters of the template, such as KmsKeyArn"
}

variable "tags" {
  type        = map(string)
  default     = {}
  description = "Tags of the stack; user, policies and secret get them too"
}
