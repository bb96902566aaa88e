# What people run here. All of it works from a checkout; what needs Debian and root says so.
.DEFAULT_GOAL := help
.PHONY: bench build demo docs fault-walk format help lab lab-down lab-status lint mutation sanity test unit venv

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## start the lab, deploy Nova, seed images, boot servers (Debian 12, root)
	lab/lab demo

test: ## run every test (Debian 12, root)
	tests/run

build: ## build the tarball and its SBOM into dist/, and check them as Galaxy does
	tests/run package

lint: ## run ruff, yamllint, ansible-lint and antsibull-changelog
	tests/run lint

unit: ## run the unit tests, and ask Nova's own code whether our rules are its rules
	tests/run unit

docs: ## build the documentation's site, and run its examples
	tests/run docs

sanity: ## run ansible-test sanity
	tests/run sanity

format: venv ## format Python and sort its imports
	.lab/venv/bin/ruff check --fix .
	.lab/venv/bin/ruff format .

venv: ## make .lab/venv: Ansible and the test tools
	lab/lab venv

lab: ## start the lab's services; on a running lab a quick check that changes nothing (Debian 12, root)
	lab/lab up

lab-status: ## show what runs
	lab/lab status

lab-down: ## end every process of the lab; .lab is kept
	lab/lab down

bench: ## measure what docs/performance.md says (Debian 12, root)
	bench/run

mutation: venv ## change the pure rooms in thousands of ways, and count what the unit tests notice; MINUTES=60: how long
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=lab:tests .lab/venv/bin/python -m runner.mutation $(MINUTES)

fault-walk: ## break every kind of request of a seed in every way; FAULT_WALK=full: every request, which takes hours
	lab/lab up
	cd tests/acceptance && PYTHONPATH=../../lab ../../.lab/venv/bin/python -m pytest fault_walk.py fault_walk_pull.py -q -p no:cacheprovider
