# `make demo` shows the collection at work on one machine; `make test` tests everything. Both need Debian 12 and root.
.PHONY: bench demo lab lab-down lab-status test venv

demo:
	lab/lab demo

lab:
	lab/lab up

lab-down:
	lab/lab down

lab-status:
	lab/lab status

test:
	tests/run

bench:
	bench/run

venv:
	lab/lab venv
