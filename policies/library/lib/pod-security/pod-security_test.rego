package lib.loadline.pod_security_test

import rego.v1

import data.lib.loadline.pod_security

# The controls of `baseline` that a pod of this spec does not meet.
baseline(spec, version) := of_pod({"spec": spec}, version)

of_pod(pod, version) := controls if {
	controls := {finding.control | some finding in pod_security.baseline} with input as asked(pod, version)
}

# The controls that keep a pod of this spec from being `restricted`.
restricted(spec, version) := controls if {
	controls := {finding.control | some finding in pod_security.all_restricted} with input as asked({"spec": spec}, version)
}

asked(pod, version) := {"pod": pod, "parameters": {"version": version}}

with_context(context) := {"containers": [{"name": "a", "securityContext": context}]}

# A container that meets `restricted`, with changes.
hardened(changes) := {"containers": [{"name": "a", "securityContext": object.union(good, changes)}]}

good := {
	"allowPrivilegeEscalation": false,
	"capabilities": {"drop": ["ALL"]},
	"runAsNonRoot": true,
	"seccompProfile": {"type": "RuntimeDefault"},
}

lists := ["containers", "initContainers", "ephemeralContainers"]

test_plain_pod_is_baseline if {
	baseline({"containers": [{"name": "a"}]}, "latest") == set()
	baseline({"containers": [{"name": "a", "securityContext": null}], "initContainers": null, "volumes": null}, "latest") == set()
	of_pod({}, "latest") == set()
	of_pod({"metadata": {"annotations": null}}, "latest") == set()
}

test_hardened_pod_is_restricted if {
	every version in ["v1.0", "v1.24", "v1.36", "latest"] {
		restricted(hardened({}), version) == set()
	}
}

test_namespaces_of_the_host_are_refused if {
	every field in ["hostNetwork", "hostPID", "hostIPC"] {
		baseline({field: true}, "v1.0") == {"hostNamespaces"}
		baseline({field: false}, "v1.0") == set()
	}
}

test_every_list_of_containers_is_judged if {
	every list in lists {
		baseline({list: [{"name": "a"}, {"name": "b", "securityContext": {"privileged": true}}]}, "v1.0") == {"privileged"}
		baseline({list: [{"name": "a", "securityContext": {"privileged": false}}]}, "v1.0") == set()
	}
}

test_capabilities_beyond_the_default_ones_are_refused if {
	baseline(with_context({"capabilities": {"add": ["CHOWN", "NET_RAW"]}}), "v1.0") == {"capabilities_baseline"}
	baseline(with_context({"capabilities": {"add": ["CHOWN", "SYS_CHROOT"], "drop": ["NET_RAW"]}}), "v1.0") == set()
	baseline(with_context({"capabilities": {"add": null}}), "v1.0") == set()
}

test_folders_of_the_host_are_refused if {
	baseline({"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]}, "v1.0") == {"hostPathVolumes"}
	baseline({"volumes": [{"name": "a", "hostPath": null}]}, "v1.0") == set()
}

test_ports_of_the_host_are_refused if {
	baseline({"containers": [{"ports": [{"containerPort": 80, "hostPort": 80}]}]}, "v1.0") == {"hostPorts"}
	every port in [0, null] {
		baseline({"containers": [{"ports": [{"containerPort": 80, "hostPort": port}]}]}, "v1.0") == set()
	}
}

test_hosts_of_probes_and_hooks_are_refused_since_1_34 if {
	every probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
		every kind in ["httpGet", "tcpSocket"] {
			spec := {"containers": [{"name": "a", probe: {kind: {"host": "10.0.0.1", "port": 80}}}]}
			baseline(spec, "v1.34") == {"hostProbesAndHostLifecycle"}
			baseline(spec, "v1.33") == set()
		}
	}
	every hook in ["postStart", "preStop"] {
		every kind in ["httpGet", "tcpSocket"] {
			spec := {"containers": [{"name": "a", "lifecycle": {hook: {kind: {"host": "10.0.0.1", "port": 80}}}}]}
			baseline(spec, "v1.34") == {"hostProbesAndHostLifecycle"}
		}
	}
}

test_probes_of_the_pod_itself_are_fine if {
	every host in ["", null] {
		baseline({"containers": [{"livenessProbe": {"httpGet": {"host": host, "port": 80}}}]}, "latest") == set()
	}
	baseline({"containers": [{"livenessProbe": {"exec": {}}, "lifecycle": {"stopSignal": "SIGTERM"}}]}, "latest") == set()
}

test_apparmor_must_stay_on if {
	every type in ["Unconfined", ""] {
		baseline(with_context({"appArmorProfile": {"type": type}}), "v1.0") == {"appArmorProfile"}
		baseline({"securityContext": {"appArmorProfile": {"type": type}}}, "v1.0") == {"appArmorProfile"}
	}
	every profile in [{"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "x"}, null] {
		baseline(with_context({"appArmorProfile": profile}), "v1.0") == set()
	}
	key := "container.apparmor.security.beta.kubernetes.io/a"
	of_pod({"metadata": {"annotations": {key: "unconfined"}}}, "latest") == {"appArmorProfile"}
	every value in ["", "runtime/default", "localhost/x"] {
		of_pod({"metadata": {"annotations": {key: value}}}, "latest") == set()
	}
	of_pod({"metadata": {"annotations": {"other": "unconfined"}}}, "latest") == set()
}

test_selinux_types_of_containers_are_allowed if {
	every type in ["container_t", "container_init_t", "container_kvm_t", ""] {
		baseline(with_context({"seLinuxOptions": {"type": type, "level": "s0", "user": "", "role": ""}}), "v1.0") == set()
	}
	baseline(with_context({"seLinuxOptions": {"type": "spc_t"}}), "latest") == {"seLinuxOptions"}
	baseline(with_context({"seLinuxOptions": null}), "latest") == set()
	baseline(with_context({"seLinuxOptions": {"type": "container_engine_t"}}), "v1.30") == {"seLinuxOptions"}
	baseline(with_context({"seLinuxOptions": {"type": "container_engine_t"}}), "v1.31") == set()
}

test_selinux_user_and_role_are_refused if {
	every key in ["user", "role"] {
		baseline(with_context({"seLinuxOptions": {key: "x"}}), "v1.0") == {"seLinuxOptions"}
		baseline({"securityContext": {"seLinuxOptions": {key: "x"}}}, "v1.0") == {"seLinuxOptions"}
	}
}

test_proc_stays_masked if {
	baseline(with_context({"procMount": "Unmasked"}), "v1.34") == {"procMount"}
	baseline(with_context({"procMount": "Unmasked"}), "latest") == {"procMount"}
	every type in ["Default", null] {
		baseline(with_context({"procMount": type}), "v1.34") == set()
	}
}

test_proc_may_be_unmasked_in_a_user_namespace_since_1_35 if {
	spec := object.union(hardened({"procMount": "Unmasked"}), {"hostUsers": false})
	baseline(spec, "v1.34") == {"procMount"}
	baseline(spec, "v1.35") == set()
	restricted(spec, "v1.34") == {"procMount"}
	restricted(spec, "v1.35") == {"procMount_restricted"}
}

test_seccomp_must_stay_on_since_1_19 if {
	every type in ["Unconfined", ""] {
		baseline(with_context({"seccompProfile": {"type": type}}), "v1.19") == {"seccompProfile_baseline"}
		baseline(with_context({"seccompProfile": {"type": type}}), "v1.18") == set()
		baseline({"securityContext": {"seccompProfile": {"type": type}}}, "latest") == {"seccompProfile_baseline"}
		restricted(hardened({"seccompProfile": {"type": type}}), "latest") == {"seccompProfile_restricted"}
		restricted(hardened({"seccompProfile": {"type": type}}), "v1.18") == set()
	}
	every profile in [{"type": "RuntimeDefault"}, {"type": "Localhost"}, null] {
		baseline(with_context({"seccompProfile": profile}), "latest") == set()
	}
}

test_seccomp_was_an_annotation_until_1_18 if {
	every key in ["seccomp.security.alpha.kubernetes.io/pod", "container.seccomp.security.alpha.kubernetes.io/a"] {
		pod := {"metadata": {"annotations": {key: "unconfined"}}, "spec": {"initContainers": [{"name": "a"}]}}
		of_pod(pod, "v1.18") == {"seccompProfile_baseline"}
		of_pod(pod, "v1.19") == set()
		every value in ["runtime/default", "docker/default", "localhost/x"] {
			of_pod(object.union(pod, {"metadata": {"annotations": {key: value}}}), "v1.18") == set()
		}
	}
	other := {"metadata": {"annotations": {"container.seccomp.security.alpha.kubernetes.io/b": "unconfined"}}}
	of_pod(other, "v1.18") == set()
}

sysctl(name, version) := baseline({"securityContext": {"sysctls": [{"name": name, "value": "1"}]}}, version)

test_sysctls_became_safe_one_by_one if {
	every name, minor in {
		"net.ipv4.ip_local_reserved_ports": 27,
		"net.ipv4.tcp_keepalive_time": 29,
		"net.ipv4.tcp_fin_timeout": 29,
		"net.ipv4.tcp_keepalive_intvl": 29,
		"net.ipv4.tcp_keepalive_probes": 29,
		"net.ipv4.tcp_rmem": 32,
		"net.ipv4.tcp_wmem": 32,
		"net.ipv4.tcp_slow_start_after_idle": 37,
		"net.ipv4.tcp_notsent_lowat": 37,
	} {
		sysctl(name, sprintf("v1.%d", [minor])) == set()
		sysctl(name, sprintf("v1.%d", [minor - 1])) == {"sysctls"}
		sysctl(name, "latest") == set()
	}
	every name in [
		"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
		"net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
	] {
		sysctl(name, "v1.0") == set()
	}
	sysctl("kernel.msgmax", "latest") == {"sysctls"}
}

test_processes_of_a_windows_host_are_refused if {
	baseline(with_context({"windowsOptions": {"hostProcess": true}}), "v1.0") == {"windowsHostProcess"}
	baseline({"securityContext": {"windowsOptions": {"hostProcess": true}}}, "v1.0") == {"windowsHostProcess"}
	baseline(with_context({"windowsOptions": {"hostProcess": false}}), "v1.0") == set()
}

volume(source) := restricted(object.union(hardened({}), {"volumes": [object.union({"name": "a"}, source)]}), "v1.0")

test_restricted_allows_harmless_volumes_only if {
	every type in [
		"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
	] {
		volume({type: {}}) == set()
	}
	every type in ["hostPath", "nfs", "azureFile", "somethingNew"] {
		volume({type: {}}) == {"restrictedVolumes"}
	}
}

test_volume_without_a_source_is_an_empty_directory if {
	volume({}) == set()
	volume({"nfs": null}) == set()
}

test_privilege_escalation_must_be_off_since_1_8 if {
	every value in [true, null] {
		restricted(hardened({"allowPrivilegeEscalation": value}), "v1.8") == {"allowPrivilegeEscalation"}
		restricted(hardened({"allowPrivilegeEscalation": value}), "v1.7") == set()
	}
}

test_no_container_may_be_root if {
	restricted(hardened({"runAsNonRoot": false}), "v1.0") == {"runAsNonRoot"}
	restricted(hardened({"runAsNonRoot": null}), "v1.0") == {"runAsNonRoot"}
	by_pod := object.union(hardened({"runAsNonRoot": null}), {"securityContext": {"runAsNonRoot": true}})
	restricted(by_pod, "v1.0") == set()
	restricted(object.union(hardened({}), {"securityContext": {"runAsNonRoot": false}}), "v1.0") == {"runAsNonRoot"}
}

test_user_zero_is_refused_since_1_23 if {
	restricted(hardened({"runAsUser": 0}), "v1.23") == {"runAsUser"}
	restricted(hardened({"runAsUser": 0}), "v1.22") == set()
	restricted(hardened({"runAsUser": 1000}), "latest") == set()
	restricted(object.union(hardened({}), {"securityContext": {"runAsUser": 0}}), "latest") == {"runAsUser"}
}

test_root_may_be_in_a_user_namespace_since_1_35 if {
	every changes in [{"runAsNonRoot": false}, {"runAsNonRoot": null}, {"runAsUser": 0}] {
		spec := object.union(hardened(changes), {"hostUsers": false})
		restricted(spec, "v1.35") == set()
		count(restricted(spec, "v1.34")) == 1
		count(restricted(object.union(spec, {"hostUsers": true}), "v1.35")) == 1
	}
}

test_seccomp_must_be_set_since_1_19 if {
	bare := hardened({"seccompProfile": null})
	restricted(bare, "v1.19") == {"seccompProfile_restricted"}
	restricted(bare, "v1.18") == set()
	every type in ["RuntimeDefault", "Localhost"] {
		restricted(object.union(bare, {"securityContext": {"seccompProfile": {"type": type}}}), "latest") == set()
	}
}

test_capabilities_must_be_dropped_since_1_22 if {
	every drop in [["CHOWN"], [], null] {
		restricted(hardened({"capabilities": {"drop": drop}}), "v1.22") == {"capabilities_restricted"}
		restricted(hardened({"capabilities": {"drop": drop}}), "v1.21") == set()
	}
	restricted(hardened({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}), "latest") == set()
	restricted(hardened({"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}), "latest") == {"capabilities_restricted"}
	restricted(hardened({"capabilities": {"drop": ["ALL"], "add": ["CHOWN"]}}), "v1.21") == set()
}

test_pods_for_windows_need_not_set_what_linux_knows_since_1_25 if {
	windows := object.union(with_context({"runAsNonRoot": true}), {"os": {"name": "windows"}})
	restricted(windows, "v1.25") == set()
	restricted(windows, "v1.24") == {"allowPrivilegeEscalation", "capabilities_restricted", "seccompProfile_restricted"}
	linux := object.union(windows, {"os": {"name": "linux"}})
	restricted(linux, "v1.25") == {"allowPrivilegeEscalation", "capabilities_restricted", "seccompProfile_restricted"}
	every changes in [{"seccompProfile": {"type": "Unconfined"}}, {"capabilities": {"add": ["CHOWN"]}}] {
		spec := object.union(with_context(object.union({"runAsNonRoot": true}, changes)), {"os": {"name": "windows"}})
		restricted(spec, "v1.25") == set()
	}
}

test_restricted_tells_each_fault_once if {
	restricted(hardened({"capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}}), "v1.22") == {"capabilities_restricted"}
	restricted(hardened({"capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}}), "v1.21") == {"capabilities_baseline"}
	restricted(object.union(hardened({}), {"hostNetwork": true}), "latest") == {"hostNamespaces"}
}

test_version_that_is_none_is_a_mistake if {
	every version in ["1.30", "v1.", "v1.x", "v1.3x", "", "v2.0", "newest"] {
		count(pod_security.mistakes) == 1 with input as asked({}, version)
	}
	messages := {mistake.msg | some mistake in pod_security.mistakes} with input as {"pod": {}, "parameters": {}}
	messages == {"the parameter `version` is ``, which is neither `latest` nor of the form `v1.30`"}
	every version in ["v1.0", "v1.36", "latest"] {
		count(pod_security.mistakes) == 0 with input as asked({}, version)
	}
}

test_fields_and_messages_say_where if {
	findings := {[finding.field, finding.msg] | some finding in pod_security.all_restricted} with input as asked(
		{"spec": {
			"securityContext": {"runAsUser": 0},
			"initContainers": [{"name": "a", "securityContext": good}, {"name": "b", "securityContext": object.union(good, {"privileged": true})}],
		}},
		"latest",
	)
	findings == {
		["spec.securityContext.runAsUser", "the pod sets `runAsUser: 0`, which is root"],
		["spec.initContainers[1].securityContext.privileged", "container `b` is privileged"],
	}
}
