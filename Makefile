# `make demo` shows the collection at work on one machine; `make test` tests everything. Both need Debian 12 and root.
.PHONY: fault-walk bench demo lab lab-down lab-status test venv

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

# Every kind of request of a seed, broken in every way; FAULT_WALK=full: every request, which takes hours.
fault-walk:
	lab/lab up
	cd tests/acceptance && PYTHONPATH=../../lab ../../.lab/venv/bin/python -m pytest fault_walk.py -q -p no:cacheprovider
