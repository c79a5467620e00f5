# What one does with this project. `make` alone lists it.
PYTHON  ?= python3
WORKERS ?= 5
ARGS    ?=
SEED    ?= 1
BIN     := .venv/bin
# What a shell may carry over from other projects.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONDONTWRITEBYTECODE VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help setup demo up check format test model machine claimers torture torture-htm torture-htm-controls torture-verify torture-attacks contract docs rules dashboards console browser embeddings proto lock bench bench-htm bench-loop bench-policy load

help: ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 30

setup: ## make .venv with every dependency and every member; a repeat does nothing
	@$(PYTHON) -E -s deploy/local/setup.py

demo: setup ## show Grace heal a database that was hurt on purpose (ARGS="..." goes to `grace demo`)
	@$(BIN)/grace demo $(ARGS)

up: setup ## run every service on this machine (ARGS="..." goes to `grace up`)
	@$(BIN)/grace up $(ARGS)

check: setup ## lint, format, types and import rules; changes nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## format the code and repair what the linter can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

test: setup ## run the tests on real servers (WORKERS=5, ARGS="-k words")
	@# A worker that crashed is not replaced: with one in its place the run never ends.
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

model: setup ## search the models with spin, and show that no guard can go unseen
	@cd tests && ../$(BIN)/python -m model

machine: setup ## two thousand random lives of htm's tasks, of fifty steps each, against a small model
	GRACE_EXAMPLES=2000 GRACE_STEPS=50 $(BIN)/pytest services/htm/tests/test_machine.py -s --timeout 3600 $(ARGS)

claimers: setup ## a thousand claimers on two replicas of htm, and no limit is ever passed
	GRACE_CLAIMERS=1000 $(BIN)/pytest services/htm/tests/test_fairness.py -k no_limit -s --timeout 600 $(ARGS)

torture: setup ## kill every service at every step of both incidents
	GRACE_FAULT_TURNS=0,1,2,3,4,5,6,7,8,9 $(BIN)/pytest tests/faults $(ARGS)

torture-htm: setup ## run 20,000 tasks through htm under 320 faults and judge every one (SEED=1)
	@cd tests && ../$(BIN)/python -m torture --seed $(SEED) $(ARGS)

torture-htm-controls: setup ## take htm's guards out one by one: each run has to be found bad (SEED=1)
	@cd tests && ../$(BIN)/python -m torture --seed $(SEED) --controls $(ARGS)

torture-verify: setup ## kill at every edge of the action path, with six operations each (SEED=1)
	@cd tests && ../$(BIN)/python -m torture_verify --seed $(SEED) $(ARGS)

torture-attacks: setup ## try to act without a right approval, in hundreds of ways, and send 1000 forged messages (SEED=1)
	@cd tests && ../$(BIN)/python -m torture_verify.attacks --seed $(SEED) $(ARGS)

contract: setup ## ask `grace up` at least 2000 cases that its description of the API allows or forbids
	GRACE_CASES=2300 $(BIN)/pytest tests/e2e/test_contract.py $(ARGS)

docs: setup ## run every command of README and guides, with an outside client from the package index
	GRACE_DOCS=whole $(BIN)/pytest tests/docs $(ARGS)

rules: ## evaluate every alert, with what makes it fire and what must not, by Prometheus's promtool
	@command -v promtool >/dev/null || { echo "promtool is not installed: it comes with Prometheus (Debian: apt-get install prometheus)"; exit 1; }
	promtool check rules deploy/prometheus/grace.rules.yaml
	promtool test rules deploy/prometheus/tests/*.yaml

dashboards: setup ## write deploy/grafana/dashboards anew from what stands beside them
	$(BIN)/python deploy/grafana/build.py

console: ## build the web console into the gateway's package; needs npm
	$(PYTHON) services/gateway/console/build.py

browser: setup ## look at the web console in a real Chromium
	@command -v chromium || command -v chromium-browser || command -v google-chrome || { echo "no Chromium is installed (Debian: apt-get install chromium)"; exit 1; }
	GRACE_BROWSER=1 $(BIN)/pytest services/gateway/tests/test_browser.py $(ARGS)

embeddings: setup ## install a model of language (1.5 GB; UV_FIND_LINKS: a folder with torch's wheel), and try what knowledge does with it
	$(BIN)/python deploy/local/embeddings.py
	GRACE_EMBEDDINGS=1 $(BIN)/pytest services/knowledge/tests/test_models.py $(ARGS)

proto: setup ## generate the messages and what follows from them from proto/
	$(BIN)/python proto/generate.py

lock: setup ## resolve the dependencies anew and write requirements/*.lock
	$(BIN)/python requirements/lock.py $(ARGS)

bench: setup ## measure speed, start-up and memory into .grace/bench/bench.json (ARGS="--short": less of each)
	@cd tests && ../$(BIN)/python -m load $(ARGS)

bench-policy: setup ## judge ten thousand recorded plans again by another policy
	GRACE_RULINGS=10000 $(BIN)/pytest services/governance/tests/test_policies.py -s -k judged_again $(ARGS)

load: setup ## let a hundred users of REST read and write for a minute; every answer has to be right
	@cd tests && ../$(BIN)/python -m load --only users --out ../.grace/load $(ARGS)

bench-loop: setup ## measure verified repairs a second through the whole loop into .grace/bench/loop.json
	@cd tests && ../$(BIN)/python -m load.loop $(ARGS)

bench-htm: setup ## measure the scheduler beside its peers into .grace/bench/htm.json (ARGS="--short": less)
	@$(BIN)/python deploy/local/peers.py
	@cd tests && ../$(BIN)/python -m load.against $(ARGS)
