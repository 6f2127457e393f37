//! What the general codes mean: those that no feature of the catalogue and no policy explains.
//!
//! The texts of features stand in the catalogue, those of policies in their metadata; everything else is here and nowhere
//! else.

/// A code, explained.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The code.
    pub name: &'static str,
    /// A noun phrase, for lists.
    pub title: &'static str,
    /// What is the matter when it comes up.
    pub what: &'static str,
    /// Why Loadline minds.
    pub why: &'static str,
    /// What to do.
    pub help: &'static str,
}

/// Code of the finding on a pod that should have got its fence and does not have it.
pub const FENCE_MISSING: &str = "fence-missing";

/// Code of the finding on a pod that names its node and so cannot wait for its fence.
pub const FENCE_NODE_NAME: &str = "fence-node-name";

/// Code of the warning that nobody puts up fences.
pub const FENCE_NOT_PUT_UP: &str = "fence-not-put-up";

/// Code of the warning about a pod that asks for a weaker fence than it gets.
pub const FENCE_WEAKER: &str = "fence-weaker";

/// Code of the finding on a pod that brings the label of fenced pods with it.
pub const FENCED_LABEL_SET: &str = "fenced-label";

/// Code of the warning about a pod that names a virtual node and does not tolerate its taint.
pub const MISSING_TOLERATION: &str = "missing-toleration";

/// Code of the finding on a pod that no size of a virtual node holds.
pub const SIZE_TOO_LARGE: &str = "size-too-large";

/// Code of the note on a pod that is billed as another size than it asks for.
pub const SIZE_ROUNDED: &str = "size-rounded";

/// Code of the warning about nodes that no label tells from others.
pub const UNMARKED_NODES: &str = "unmarked-nodes";

/// Every general code, by name.
pub static CODES: &[Code] = &[
    Code {
        name: FENCE_MISSING,
        title: "pod without the fence that it should have got",
        what: "The pod is to be fenced, but when it reached the validating webhook it had another label than its fence's, or \
               was not held back.",
        why: "The mutating webhook sets the label and the scheduling gate `loadline.dev/network-policy`. Where it was not asked, \
              or where another webhook changed what it set, the pod would run unfenced.",
        help: "Try again; a controller does so by itself. If it comes up again, look for another mutating webhook that changes \
               the label `loadline.dev/fenced` or the gates (`kubectl get mutatingwebhookconfigurations`).",
    },
    Code {
        name: FENCE_NODE_NAME,
        title: "fenced pod that names its node",
        what: "The pod is to be fenced, and its `spec.nodeName` says where it runs.",
        why: "A fenced pod waits at a scheduling gate until its NetworkPolicy is there. A pod that names its node passes the \
              scheduler by: it starts at once, and the API server refuses a gate on it. It would run unfenced at first.",
        help: "Remove `nodeName` and leave the node to the scheduler; a required node affinity on the node's labels, or a node \
               selector, leads the pod to the same node. In a copy of a live pod the scheduler has filled it in.",
    },
    Code {
        name: FENCE_NOT_PUT_UP,
        title: "fence that nobody puts up",
        what: "The pod asks for a fence, but the server that was asked follows no cluster.",
        why: "The controller that applies network policies and then lets the pods go runs in `loadline serve`, and only where \
              that has a cluster. A pod that was held back would wait for ever, so it is not, and runs without its fence.",
        help: "Run `loadline serve` inside the cluster, or with `--kubeconfig`.",
    },
    Code {
        name: FENCE_WEAKER,
        title: "request for a weaker fence than the pod gets",
        what: "The pod asks for another fence, or for none, than its namespace or its profile, and theirs is stricter.",
        why: "Whoever writes a pod is whom the fence is against, so a pod may ask for a stricter fence (`deny-all` before \
              `namespace` before `open-egress` before `none`) and never for a weaker one.",
        help: "Remove `loadline.dev/fence` from the pod, or have it changed on the namespace, which also overrides the profile.",
    },
    Code {
        name: FENCED_LABEL_SET,
        title: "label of fenced pods that the pod brings with it",
        what: "The pod, or the template it is made of, has the label `loadline.dev/fenced`.",
        why: "Loadline sets the label itself, and network policies select pods by it. Where a fence is asked for, the label is \
              set to that one, and the author is told. Where none is asked for, the pod is refused: the label came along with a \
              copy of a pod that was fenced, and this one would not be, or it would call for a policy that nobody decided on.",
        help: "Remove the label from the pod or the template, and never select by it: a selector that wants another value no \
               longer finds its pods. `loadline.dev/fence` is what asks for a fence; where it stands on the namespace, give that \
               to `loadline check` too.",
    },
    Code {
        name: MISSING_TOLERATION,
        title: "virtual node named, and its taint not tolerated",
        what: "The pod's node selector or affinity leads to virtual nodes alone, and none of its tolerations fits their taint.",
        why: "The taint is there so that nothing lands on a virtual node by accident. The API server takes the pod, the \
              scheduler finds no node for it, and it stays Pending. Key and value of the taint differ between providers and \
              have changed between versions.",
        help: "Add the toleration that the message names (`kubectl describe node` shows the taint), or ask for the profile \
               with the label `loadline.dev/profile`, and Loadline adds what the pod needs.",
    },
    Code {
        name: "network-policy-not-enforced",
        title: "fence without effect",
        what: "The pod gets a fence (a NetworkPolicy), but it is headed for a virtual node whose provider does not enforce \
               NetworkPolicy.",
        why: "The policy is there and looks as if it held, yet no packet is stopped. Only the author can tell whether that \
              matters, so the pod is admitted with a warning.",
        help: "Use the provider's own means, which the message names where there is one; or send the pod to a profile that \
               enforces NetworkPolicy (`loadline matrix --feature behaviour.network-policy` shows which do).",
    },
    Code {
        name: "no-such-node",
        title: "profile without a node",
        what: "The pod asks for a profile of which the cluster has no node at the moment.",
        why: "The pod is admitted, as a node may register any time, but it stays Pending until one does.",
        help: "Check that the virtual node is up (`kubectl get nodes`) and that its labels are those of the profile; the label \
               `loadline.dev/profile` on a node settles of which profile it is.",
    },
    Code {
        name: "placement-contradiction",
        title: "request for a profile that the pod's own constraints rule out",
        what: "The pod, its namespace or the command line asks for a profile, but the pod's node selector, affinity, \
               tolerations or node name keep it off every node of that profile.",
        why: "Loadline adds what a profile needs and never replaces what somebody wrote. With both in force the pod would stay \
              Pending for ever.",
        help: "Remove the constraint that the message names, or the request. `loadline.dev/profile: none` on the pod overrides \
               the request of its namespace.",
    },
    Code {
        name: "policy-error",
        title: "policy that could not be evaluated",
        what: "A Rego policy failed: an error, a time-out, an undefined result or one of the wrong form.",
        why: "A policy that says nothing has not consented. Its own `onError` decides: `deny`, unless its metadata say `warn`. \
              Other policies are not concerned.",
        help: "Reproduce it with `loadline check --policy DIR -f FILE`, and test the policy with `loadline policy test DIR`. \
               Read optional fields with `object.get`, as a field that is missing makes a rule undefined.",
    },
    Code {
        name: SIZE_ROUNDED,
        title: "pod that is billed as another size than it asks for",
        what: "The virtual node sells pods in certain sizes, and the pod gets the one that holds it, or the largest there is.",
        why: "What is above the request is paid for and not used; where a pod is cut down, it has less than it was tested with. \
              The message names the size and, where prices are known, what an hour costs: an estimate by list prices.",
        help: "Ask for what the size holds, or for a little less and get a smaller one (`loadline profile show` tells the sizes). \
               An override of `resources.requests` with `support: partial` makes it a warning, or `off`.",
    },
    Code {
        name: SIZE_TOO_LARGE,
        title: "pod that is larger than any size of a virtual node",
        what: "Together the containers ask for more CPU or memory than the largest size that this kind of virtual node has.",
        why: "A pod gets a machine of a certain size there. With none that is large enough it stays Pending, or the provider \
              refuses it.",
        help: "Ask for less, split the pod, or send it elsewhere. `loadline check --cost` shows what a pod asks for and the size \
               that it is billed as.",
    },
    Code {
        name: "unknown-fence",
        title: "request for a fence that there is not",
        what: "The label or annotation `loadline.dev/fence` of the pod or its namespace names no fence.",
        why: "A pod that should be fenced must not run without its fence.",
        help: "Use `deny-all`, `namespace` or `open-egress`; `none` on a namespace overrides what a profile asks for.",
    },
    Code {
        name: "unknown-field",
        title: "field that no catalogue entry knows",
        what: "The pod has a field of which Loadline has never heard.",
        why: "It may be newer than this version, or a spelling mistake. The API server drops fields that it does not know, and \
              what virtual nodes do with the others is not known here.",
        help: "Check the spelling; otherwise update Loadline, or describe the field in a `FeatureCatalogue` of your own \
               (`--profiles DIR`).",
    },
    Code {
        name: "unknown-profile",
        title: "request for a profile that there is not",
        what: "The label or annotation `loadline.dev/profile` of the pod or its namespace names no profile, or one that the \
               configuration leaves out.",
        why: "Whoever asked wanted the pod to be judged and placed by that profile; admitting it anyhow would send it somewhere \
              else, unjudged.",
        help: "Correct the name (`loadline profile list` shows them), enable the profile with `spec.profiles` of the \
               configuration, or add it with `--profiles DIR`. `none` is the name for no profile at all.",
    },
    Code {
        name: UNMARKED_NODES,
        title: "profile whose nodes no label tells from others",
        what: "The pod asks for a profile whose nodes carry none of the labels by which Loadline could select them, not even \
               their host name.",
        why: "The pod gets the tolerations that it needs, and the scheduler may still put it on any other node. Only the owner \
              of the cluster can label nodes.",
        help: "Label the nodes as the message says (`kubectl label node`), or with `loadline.dev/profile` and the name of the \
               profile.",
    },
    Code {
        name: "unverified-features",
        title: "features that nobody has verified",
        what: "The pod uses features of which nobody has shown what this kind of virtual node does with them.",
        why: "Not verified is not the same as not supported: the pod is admitted. Virtual nodes drop far more in silence than they \
              refuse, so do not take a running pod for proof.",
        help: "Try the pod there and look whether each feature takes effect; then say so in a profile of your own.",
    },
];

/// The code of that name.
pub fn code(name: &str) -> Option<&'static Code> {
    CODES.iter().find(|code| code.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_in_order_and_say_everything() {
        assert!(CODES.is_sorted_by_key(|code| code.name));
        for code in CODES {
            for text in [code.what, code.why, code.help] {
                assert!(text.ends_with('.') && !text.contains("  "), "{}: {text}", code.name);
            }
        }
    }
}
