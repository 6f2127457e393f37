# The Pod Security Standards, control by control, as the sets `baseline` and `restricted`.
#
# An element says which control is not met (`control`, by the name that Kubernetes gives its check), in words (`msg`), and
# where (`field`). Controls came and changed with versions of Kubernetes; `input.parameters.version` says which version is
# meant: `latest` or `v1.<minor>`. The standards: https://kubernetes.io/docs/concepts/security/pod-security-standards/
package lib.loadline.pod_security

import rego.v1

# The minor version that is asked for. A word that is no version is told by `mistakes`: without that, nothing would hold.
minor := 9999 if input.parameters.version == "latest"

minor := to_number(digits) if {
	startswith(input.parameters.version, "v1.")
	digits := substring(input.parameters.version, 3, -1)
	digits != ""
	trim_left(digits, "0123456789") == ""
}

mistakes contains {"msg": msg} if {
	not minor
	msg := sprintf("the parameter `version` is `%v`, which is neither `latest` nor of the form `v1.30`", [
		object.get(input.parameters, "version", ""),
	])
}

# Every container, with where it stands. An array: sets would have to compare whole containers.
containers := [entry |
	some list in ["initContainers", "containers", "ephemeralContainers"]
	some position, container in list_of(input.pod.spec[list])
	entry := {"list": list, "position": position, "container": container, "context": object.get(container, "securityContext", null)}
]

# In a file a list may be left empty, which is null.
list_of(value) := value if is_array(value)

# Who can set something about security: the pod and every container.
setters := array.concat(
	[{"list": "", "context": object.get(input.pod.spec, "securityContext", null)}],
	containers,
)

who(entry) := "the pod" if {
	entry.list == ""
} else := sprintf("container `%v`", [object.get(entry.container, "name", entry.position)])

place(entry) := "spec" if {
	entry.list == ""
} else := sprintf("spec.%s[%d]", [entry.list, entry.position])

within(entry, field) := sprintf("%s.%s", [place(entry), field])

# Pods in a user namespace of their own: root in them is nobody outside.
has_user_namespace if input.pod.spec.hostUsers == false

is_set(value) if {
	is_string(value)
	value != ""
}

# Namespaces of the host.
baseline contains {"control": "hostNamespaces", "msg": msg, "field": sprintf("spec.%s", [field])} if {
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	input.pod.spec[field] == true
	msg := sprintf("the pod shares a namespace of the host: `%s: true`", [field])
}

# Privileged containers.
baseline contains {"control": "privileged", "msg": msg, "field": within(entry, "securityContext.privileged")} if {
	some entry in containers
	entry.context.privileged == true
	msg := sprintf("%s is privileged", [who(entry)])
}

# Capabilities beyond those that a runtime gives anyway.
default_capabilities := {
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
	"SETPCAP", "SETUID", "SYS_CHROOT",
}

baseline contains {"control": "capabilities_baseline", "msg": msg, "field": field} if {
	some entry in containers
	some position, capability in list_of(entry.context.capabilities.add)
	not capability in default_capabilities
	msg := sprintf("%s adds the capability `%v`", [who(entry), capability])
	field := sprintf("%s.securityContext.capabilities.add[%d]", [place(entry), position])
}

# Folders of the host.
baseline contains {"control": "hostPathVolumes", "msg": msg, "field": sprintf("spec.volumes[%d].hostPath", [position])} if {
	some position, volume in list_of(input.pod.spec.volumes)
	is_object(volume.hostPath)
	msg := sprintf("volume `%v` is a folder of the host", [object.get(volume, "name", position)])
}

# Ports of the host.
baseline contains {"control": "hostPorts", "msg": msg, "field": field} if {
	some entry in containers
	some position, port in list_of(entry.container.ports)
	is_number(port.hostPort)
	port.hostPort != 0
	msg := sprintf("%s takes port %v of the host", [who(entry), port.hostPort])
	field := sprintf("%s.ports[%d].hostPort", [place(entry), position])
}

# Probes and hooks that the kubelet sends to any host, from its own network. Since 1.34.
calls(container) := [call |
	some probe in ["livenessProbe", "readinessProbe", "startupProbe"]
	handler := container[probe]
	some kind in ["httpGet", "tcpSocket"]
	call := {"at": concat(".", [probe, kind]), "host": handler[kind].host}
]

hooks(container) := [call |
	some hook in ["postStart", "preStop"]
	handler := container.lifecycle[hook]
	some kind in ["httpGet", "tcpSocket"]
	call := {"at": concat(".", ["lifecycle", hook, kind]), "host": handler[kind].host}
]

baseline contains {"control": "hostProbesAndHostLifecycle", "msg": msg, "field": field} if {
	minor >= 34
	some entry in containers
	some call in array.concat(calls(entry.container), hooks(entry.container))
	is_set(call.host)
	msg := sprintf("%s has the node call the host `%s`", [who(entry), call.host])
	field := within(entry, concat(".", [call.at, "host"]))
}

# AppArmor switched off, or another profile than the default one and the node's own.
baseline contains {"control": "appArmorProfile", "msg": msg, "field": field} if {
	some entry in setters
	profile := entry.context.appArmorProfile
	is_object(profile)
	type := object.get(profile, "type", "")
	not type in {"RuntimeDefault", "Localhost"}
	msg := sprintf("%s sets the AppArmor profile `%v`", [who(entry), type])
	field := within(entry, "securityContext.appArmorProfile.type")
}

baseline contains {"control": "appArmorProfile", "msg": msg, "field": sprintf("metadata.annotations['%s']", [key])} if {
	annotations := input.pod.metadata.annotations
	is_object(annotations)
	some key, value in annotations
	startswith(key, "container.apparmor.security.beta.kubernetes.io/")
	not value in {"", "runtime/default"}
	not startswith(value, "localhost/")
	msg := sprintf("an annotation sets the AppArmor profile `%v`", [value])
}

# SELinux options that leave the confinement of containers.
selinux_types := {"", "container_t", "container_init_t", "container_kvm_t"}

is_selinux_type(type) if type in selinux_types

is_selinux_type("container_engine_t") if minor >= 31

baseline contains {"control": "seLinuxOptions", "msg": msg, "field": field} if {
	some entry in setters
	options := entry.context.seLinuxOptions
	is_object(options)
	type := object.get(options, "type", "")
	not is_selinux_type(type)
	msg := sprintf("%s sets the SELinux type `%v`", [who(entry), type])
	field := within(entry, "securityContext.seLinuxOptions.type")
}

baseline contains {"control": "seLinuxOptions", "msg": msg, "field": field} if {
	some entry in setters
	options := entry.context.seLinuxOptions
	some key in ["user", "role"]
	is_set(options[key])
	msg := sprintf("%s sets an SELinux %s", [who(entry), key])
	field := sprintf("%s.securityContext.seLinuxOptions.%s", [place(entry), key])
}

# The masks over /proc. Since 1.35 pods in a user namespace may take them off.
unmasked contains {"msg": msg, "field": within(entry, "securityContext.procMount")} if {
	some entry in containers
	type := entry.context.procMount
	is_string(type)
	type != "Default"
	msg := sprintf("%s sets `procMount: %s`", [who(entry), type])
}

baseline contains object.union(finding, {"control": "procMount"}) if {
	not may_unmask
	some finding in unmasked
}

may_unmask if {
	minor >= 35
	has_user_namespace
}

# Seccomp switched off. Before 1.19 annotations said so.
is_seccomp_type(type) if type in {"RuntimeDefault", "Localhost"}

baseline contains {"control": "seccompProfile_baseline", "msg": msg, "field": field} if {
	minor >= 19
	some finding in unconfined
	msg := finding.msg
	field := finding.field
}

unconfined contains {"msg": msg, "field": within(entry, "securityContext.seccompProfile.type")} if {
	some entry in setters
	profile := entry.context.seccompProfile
	is_object(profile)
	type := object.get(profile, "type", "")
	not is_seccomp_type(type)
	msg := sprintf("%s sets the seccomp profile `%v`", [who(entry), type])
}

seccomp_annotations contains "seccomp.security.alpha.kubernetes.io/pod"

seccomp_annotations contains sprintf("container.seccomp.security.alpha.kubernetes.io/%v", [entry.container.name]) if {
	some entry in containers
}

baseline contains {"control": "seccompProfile_baseline", "msg": msg, "field": sprintf("metadata.annotations['%s']", [key])} if {
	minor < 19
	some key in seccomp_annotations
	value := input.pod.metadata.annotations[key]
	not value in {"runtime/default", "docker/default"}
	not startswith(value, "localhost/")
	msg := sprintf("an annotation sets the seccomp profile `%v`", [value])
}

# Settings of the kernel that are not kept apart between pods.
safe_sysctls := {
	"kernel.shm_rmid_forced": 0,
	"net.ipv4.ip_local_port_range": 0,
	"net.ipv4.tcp_syncookies": 0,
	"net.ipv4.ping_group_range": 0,
	"net.ipv4.ip_unprivileged_port_start": 0,
	"net.ipv4.ip_local_reserved_ports": 27,
	"net.ipv4.tcp_keepalive_time": 29,
	"net.ipv4.tcp_fin_timeout": 29,
	"net.ipv4.tcp_keepalive_intvl": 29,
	"net.ipv4.tcp_keepalive_probes": 29,
	"net.ipv4.tcp_rmem": 32,
	"net.ipv4.tcp_wmem": 32,
	"net.ipv4.tcp_slow_start_after_idle": 37,
	"net.ipv4.tcp_notsent_lowat": 37,
}

baseline contains {"control": "sysctls", "msg": msg, "field": sprintf("spec.securityContext.sysctls[%d].name", [position])} if {
	some position, sysctl in list_of(input.pod.spec.securityContext.sysctls)
	name := object.get(sysctl, "name", "")
	not is_safe_sysctl(name)
	msg := sprintf("the pod sets the sysctl `%v`", [name])
}

is_safe_sysctl(name) if safe_sysctls[name] <= minor

# Processes of a Windows host.
baseline contains {"control": "windowsHostProcess", "msg": msg, "field": field} if {
	some entry in setters
	entry.context.windowsOptions.hostProcess == true
	msg := sprintf("%s runs as a process of the Windows host", [who(entry)])
	field := within(entry, "securityContext.windowsOptions.hostProcess")
}

# The controls of `baseline` that `restricted` has a stricter one for, and since when.
stands_in := {"capabilities_baseline": 22, "hostPathVolumes": 0, "procMount": 35, "seccompProfile_baseline": 19}

# Everything that keeps a pod from being `restricted`, each fault once.
all_restricted contains finding if {
	some finding in baseline
	not is_stood_in(finding.control)
}

all_restricted contains finding if some finding in restricted

is_stood_in(control) if stands_in[control] <= minor

# Since 1.25 pods for Windows need not set what only Linux knows.
is_exempt_windows if {
	input.pod.spec.os.name == "windows"
	minor >= 25
}

# Kinds of volumes that carry nothing of the host or of old drivers.
volume_types := {
	"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
}

restricted contains {"control": "restrictedVolumes", "msg": msg, "field": field} if {
	some position, volume in list_of(input.pod.spec.volumes)
	types := {type | some type, source in volume; source != null; type != "name"}
	count(types & volume_types) == 0
	some type in types
	msg := sprintf("volume `%v` is of the type `%s`", [object.get(volume, "name", position), type])
	field := sprintf("spec.volumes[%d].%s", [position, type])
}

# Rights gained by set-user-ID programs. Since 1.8.
restricted contains {"control": "allowPrivilegeEscalation", "msg": msg, "field": field} if {
	minor >= 8
	not is_exempt_windows
	some entry in containers
	not entry.context.allowPrivilegeEscalation == false
	msg := sprintf("%s does not set `allowPrivilegeEscalation: false`", [who(entry)])
	field := within(entry, "securityContext.allowPrivilegeEscalation")
}

# Containers that may be root. Since 1.35 pods in a user namespace may.
may_be_root if {
	minor >= 35
	has_user_namespace
}

restricted contains {"control": "runAsNonRoot", "msg": msg, "field": field} if {
	not may_be_root
	some entry in setters
	entry.context.runAsNonRoot == false
	msg := sprintf("%s sets `runAsNonRoot: false`", [who(entry)])
	field := within(entry, "securityContext.runAsNonRoot")
}

restricted contains {"control": "runAsNonRoot", "msg": msg, "field": field} if {
	not may_be_root
	not input.pod.spec.securityContext.runAsNonRoot
	some entry in containers
	not says_non_root(entry)
	msg := sprintf("neither the pod nor %s sets `runAsNonRoot: true`", [who(entry)])
	field := within(entry, "securityContext.runAsNonRoot")
}

says_non_root(entry) if is_boolean(entry.context.runAsNonRoot)

# Containers that are root. Since 1.23.
restricted contains {"control": "runAsUser", "msg": msg, "field": within(entry, "securityContext.runAsUser")} if {
	minor >= 23
	not may_be_root
	some entry in setters
	entry.context.runAsUser == 0
	msg := sprintf("%s sets `runAsUser: 0`, which is root", [who(entry)])
}

# A seccomp profile for every container. Since 1.19.
restricted contains object.union(finding, {"control": "seccompProfile_restricted"}) if {
	minor >= 19
	not is_exempt_windows
	some finding in unconfined
}

restricted contains {"control": "seccompProfile_restricted", "msg": msg, "field": field} if {
	minor >= 19
	not is_exempt_windows
	not pod_has_seccomp
	some entry in containers
	not has_seccomp(entry)
	msg := sprintf("neither the pod nor %s sets a seccomp profile", [who(entry)])
	field := within(entry, "securityContext.seccompProfile.type")
}

pod_has_seccomp if is_seccomp_type(input.pod.spec.securityContext.seccompProfile.type)

has_seccomp(entry) if is_object(entry.context.seccompProfile)

# No capability but the one to listen below port 1024. Since 1.22.
restricted contains {"control": "capabilities_restricted", "msg": msg, "field": field} if {
	minor >= 22
	not is_exempt_windows
	some entry in containers
	not drops_all(entry)
	msg := sprintf("%s does not drop `ALL` capabilities", [who(entry)])
	field := within(entry, "securityContext.capabilities.drop")
}

restricted contains {"control": "capabilities_restricted", "msg": msg, "field": field} if {
	minor >= 22
	not is_exempt_windows
	some entry in containers
	some position, capability in list_of(entry.context.capabilities.add)
	capability != "NET_BIND_SERVICE"
	msg := sprintf("%s adds the capability `%v`", [who(entry), capability])
	field := sprintf("%s.securityContext.capabilities.add[%d]", [place(entry), position])
}

drops_all(entry) if "ALL" in entry.context.capabilities.drop

# The masks over /proc, without the relaxation that `baseline` has since 1.35.
restricted contains object.union(finding, {"control": "procMount_restricted"}) if {
	minor >= 35
	some finding in unmasked
}
