#!/usr/bin/env bash
# The role image_seed on several compute hosts.
set -eux
ANSIBLE_ROLES_PATH=.. exec ansible-playbook test.yml -i inventory.yml -e @../../integration_config.yml "$@"
