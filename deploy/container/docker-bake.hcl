# docker buildx bake --file deploy/container/docker-bake.hcl
# Both images get one label: there is no other place to say it.

variable "LABEL" {
  validation {
    condition     = LABEL != ""
    error_message = "LABEL: say which label both images get"
  }
}
variable "REVISION" { default = "unknown" }
variable "SOURCE" { default = "unknown" }
variable "REPOSITORY" { default = "registry.example.org/prompt-processing" }
variable "BASE" { default = "docker.io/library/python:3.13-slim-trixie" }
variable "STACK" { default = "/opt/lsst/software/stack/loadLSST.bash" }

group "default" { targets = ["service", "initializer"] }

target "common" {
  dockerfile = "deploy/container/Dockerfile"
  args       = { BASE = BASE, STACK = STACK, LABEL = LABEL, REVISION = REVISION, SOURCE = SOURCE }
}
target "service" {
  inherits = ["common"]
  target   = "service"
  tags     = ["${REPOSITORY}/service:${LABEL}"]
}
target "initializer" {
  inherits = ["common"]
  target   = "initializer"
  tags     = ["${REPOSITORY}/initializer:${LABEL}"]
}
