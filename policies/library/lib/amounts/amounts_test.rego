package lib.loadline.amounts_test

import rego.v1

import data.lib.loadline.amounts

test_quantities_are_numbers if {
	every quantity, value in {"250m": 0.25, "2": 2, "1.5": 1.5, ".5": 0.5, "1e3": 1000, "1k": 1000, "1Ki": 1024, "1M": 1000000, "2Gi": 2147483648} {
		amounts.number(quantity) == value
	}
	amounts.number(0.5) == 0.5
	every nothing in [null, "", "many", "-1", "1KB", "1GiB", "100u", "1e999", "5 5"] {
		not amounts.number(nothing)
	}
}

test_amounts_are_shown_with_their_unit if {
	amounts.shown("cpu", 1.1) == "1.1 vCPU"
	amounts.shown("memory", 1610612736) == "1.5 GiB of memory"
	amounts.shown("memory", 1) == "0 GiB of memory"
}

of(cpu) := {"resources": {"requests": {"cpu": cpu}}}

running(spec) := amounts.running({"spec": spec}, "cpu")

test_containers_are_added_up if running({"containers": [of("250m"), of(1), {}, null, {"resources": null}]}) == 1.25

test_limit_stands_in_for_a_request if {
	running({"containers": [{"resources": {"limits": {"cpu": "2"}}}]}) == 2
	running({"containers": [{"resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}}]}) == 1
}

test_sidecars_run_too_and_init_containers_have_ended if {
	running({"containers": [of("1")], "initContainers": [object.union(of("2"), {"restartPolicy": "Always"}), of("4")]}) == 3
	running({"containers": [of("1")], "initContainers": null}) == 1
}

test_whole_pod_goes_before_its_containers_and_overhead_is_added if {
	running({"containers": [of("1")], "resources": {"requests": {"cpu": "3"}}}) == 3
	running({"containers": [of("1")], "overhead": {"cpu": "250m"}}) == 1.25
}

test_other_resources_are_read_alike if {
	amounts.running({"spec": {"containers": [{"resources": {"limits": {"memory": "1Gi"}}}]}}, "memory") == 1073741824
	amounts.running({"spec": {"containers": []}}, "memory") == 0
}
