#!/bin/sh
# Docker from Ubuntu's own packages, and a web server in a container.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y docker.io
systemctl enable --now docker
docker run --detach --restart always --publish 80:80 --name web nginx:stable
