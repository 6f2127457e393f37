//! The watches and the fence controller against an API server made of a router: no socket, no cluster.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode};
use futures::StreamExt as _;
use kube::Client;
use loadline::admission::Pipeline;
use loadline::cluster;
use loadline::controllers::network_policy;
use loadline::facts::{Facts, Inventory};
use loadline::fence::{FENCE_GATE, FENCED_LABEL};
use loadline::governance::gatekeeper::Synced;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);

const PODS: &str = "/api/v1/pods";
const NODES: &str = "/api/v1/nodes";
const NAMESPACES: &str = "/api/v1/namespaces";
const POLICIES: &str = "/apis/networking.k8s.io/v1/networkpolicies";

/// An API server: objects by collection and by `namespace/name`, and who watches.
#[derive(Clone, Default)]
struct ApiServer(Arc<Mutex<Objects>>);

#[derive(Default)]
struct Objects {
    collections: BTreeMap<String, BTreeMap<String, Value>>,
    watches: Vec<(String, UnboundedSender<String>)>,
    version: u64,
    /// Every change that was asked for, in order.
    asked: Vec<String>,
    /// Collections of which every request is refused.
    refused: Vec<String>,
    /// The kinds that can be asked for: version of the API, kind, resource.
    kinds: Vec<(&'static str, &'static str, &'static str)>,
}

impl ApiServer {
    fn client(&self) -> Client {
        let router = Router::new().fallback(answer).with_state(self.clone());
        Client::new(router, "default")
    }

    fn put(&self, collection: &str, object: Value) {
        self.0.lock().unwrap().put(collection, object);
    }

    fn remove(&self, collection: &str, key: &str) {
        let mut objects = self.0.lock().unwrap();
        let gone = objects.collections.get_mut(collection).unwrap().remove(key);
        objects.tell(collection, "DELETED", &gone.unwrap());
    }

    fn get(&self, collection: &str, key: &str) -> Option<Value> {
        let objects = self.0.lock().unwrap();
        objects.collections.get(collection)?.get(key).cloned()
    }

    fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }

    fn define(&self, version: &'static str, kind: &'static str, resource: &'static str) {
        self.0.lock().unwrap().kinds.push((version, kind, resource));
    }

    fn refuse(&self, collections: &[&str]) {
        self.0.lock().unwrap().refused = collections.iter().map(ToString::to_string).collect();
    }
}

impl Objects {
    fn put(&mut self, collection: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let key = key(&object);
        let known = self.collections.entry(collection.to_owned()).or_default();
        let kind = if known.insert(key, object.clone()).is_some() { "MODIFIED" } else { "ADDED" };
        self.tell(collection, kind, &object);
        object
    }

    fn tell(&mut self, collection: &str, kind: &str, object: &Value) {
        let line = format!("{}\n", json!({"type": kind, "object": object}));
        self.watches
            .retain(|(watched, sender)| watched != collection || sender.send(line.clone()).is_ok());
    }
}

fn key(object: &Value) -> String {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", part("namespace"), part("name"))
}

async fn answer(
    State(server): State<ApiServer>,
    request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let query = parts.uri.query().unwrap_or_default();
    if let Some(resources) = discovered(&server, parts.uri.path()) {
        return Ok(resources);
    }
    let (collection, namespace, name) = split(parts.uri.path());
    let mut objects = server.0.lock().unwrap();
    if objects.refused.contains(&collection) {
        return Ok(failure(StatusCode::FORBIDDEN, "Forbidden", "not today"));
    }
    let known = objects.collections.get(&collection).cloned().unwrap_or_default();
    let key = format!("{namespace}/{name}");
    Ok(match (parts.method, name.as_str()) {
        (Method::GET, "") if query.contains("watch=true") => {
            let (sender, receiver) = unbounded_channel();
            objects.watches.push((collection, sender));
            let lines = futures::stream::unfold(receiver, |mut receiver| async {
                let line = receiver.recv().await?;
                Some((Ok::<_, Infallible>(Bytes::from(line)), receiver))
            });
            Response::new(Body::from_stream(lines.boxed()))
        }
        (Method::GET, "") => {
            let items: Vec<Value> = known.into_values().collect();
            let version = objects.version.max(1).to_string();
            ok(
                &json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": version}, "items": items}),
            )
        }
        (Method::GET, _) => match known.get(&key) {
            Some(object) => ok(object),
            None => failure(StatusCode::NOT_FOUND, "NotFound", "not found"),
        },
        (Method::PATCH, _) if parts.headers["content-type"] == "application/apply-patch+yaml" => {
            objects.asked.push(format!("apply {key} {query}"));
            let mut object: Value = serde_json::from_slice(&body).unwrap();
            // As the real one does, which makes no difference between no rule and an empty list of rules.
            object["spec"].as_object_mut().unwrap().retain(|_, value| *value != json!([]));
            ok(&objects.put(&collection, object))
        }
        (Method::PATCH, _) => {
            let patch: json_patch::Patch = serde_json::from_slice(&body).unwrap();
            match known.get(&key).cloned() {
                None => failure(StatusCode::NOT_FOUND, "NotFound", "not found"),
                Some(mut object) => match json_patch::patch(&mut object, &patch) {
                    Ok(()) => {
                        objects.asked.push(format!("patch {key}"));
                        ok(&objects.put(&collection, object))
                    }
                    Err(_) => failure(
                        StatusCode::UNPROCESSABLE_ENTITY,
                        "Invalid",
                        "the server rejected our request",
                    ),
                },
            }
        }
        (method, _) => panic!("{method} {}", parts.uri),
    })
}

/// What the API server says of the kinds of a group, where it is asked for that.
fn discovered(server: &ApiServer, path: &str) -> Option<Response<Body>> {
    let version = path.strip_prefix("/api/").or_else(|| path.strip_prefix("/apis/"))?;
    if version.matches('/').count() != usize::from(path.starts_with("/apis/")) {
        return None;
    }
    let kinds = &server.0.lock().unwrap().kinds;
    let resources: Vec<Value> = kinds
        .iter()
        .filter(|(of, ..)| *of == version)
        .map(|(_, kind, resource)| {
            json!({"name": resource, "singularName": "", "kind": kind, "namespaced": true,
                "verbs": ["get", "list", "watch"]})
        })
        .collect();
    Some(if resources.is_empty() {
        failure(StatusCode::NOT_FOUND, "NotFound", "there is no such group")
    } else {
        ok(
            &json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}),
        )
    })
}

/// `/api/v1/namespaces/shop/pods/web` is the pod `web` of `shop` in the collection `/api/v1/pods`.
fn split(path: &str) -> (String, String, String) {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let groups = if parts[0] == "api" { 2 } else { 3 };
    let (group, rest) = parts.split_at(groups);
    let (namespace, resource, name) = match rest {
        ["namespaces", namespace, resource, rest @ ..] => (*namespace, *resource, rest.first()),
        [resource, rest @ ..] => ("", *resource, rest.first()),
        [] => panic!("{path}"),
    };
    let name = name.copied().unwrap_or_default();
    (format!("/{}/{resource}", group.join("/")), namespace.to_owned(), name.to_owned())
}

fn ok(value: &Value) -> Response<Body> {
    Response::new(Body::from(value.to_string()))
}

fn failure(code: StatusCode, reason: &str, message: &str) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code.as_u16(), "reason": reason,
        "message": message, "details": {},
    });
    Response::builder().status(code).body(Body::from(status.to_string())).unwrap()
}

fn namespace(name: &str, labels: Value) -> Value {
    json!({"metadata": {"name": name, "uid": format!("uid-of-{name}"), "labels": labels}})
}

fn gated(name: &str, fence: &str) -> Value {
    json!({
        "metadata": {"namespace": "shop", "name": name, "uid": name, "labels": {FENCED_LABEL: fence}},
        "spec": {"schedulingGates": [{"name": FENCE_GATE}], "containers": [{"name": "a"}]},
    })
}

fn gates(server: &ApiServer, pod: &str) -> Value {
    server.get(PODS, &format!("shop/{pod}")).unwrap()["spec"]["schedulingGates"].clone()
}

/// Runs `loops` until `done` says so.
async fn run_until<T: std::fmt::Debug>(
    loops: impl Future<Output = T>,
    what: &str,
    done: impl Fn() -> bool,
) {
    let wait = async {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = loops => panic!("a loop has ended: {ended:?}"),
        () = wait => {}
    }
}

/// What the loop has told of, in order.
type Outcomes = Arc<Mutex<Vec<&'static str>>>;

async fn fences(
    server: &ApiServer,
    outcomes: &Outcomes,
) -> Result<Infallible, cluster::ClusterError> {
    network_policy::run(server.client(), |outcome| {
        outcomes.lock().unwrap().push(outcome.as_str());
    })
    .await
}

#[tokio::test]
async fn a_gate_is_lifted_after_the_policy_is_in_place() {
    let server = ApiServer::default();
    let outcomes = Outcomes::default();
    server.put(NAMESPACES, namespace("shop", json!({})));
    server.put(PODS, gated("web", "deny-all"));
    run_until(fences(&server, &outcomes), "the gate to be lifted", || {
        gates(&server, "web").is_null()
    })
    .await;

    let asked = server.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(asked[0].starts_with("apply shop/loadline-fence-deny-all "), "{asked:?}");
    assert!(
        asked[0].contains("force=true") && asked[0].contains("fieldManager=loadline"),
        "{asked:?}"
    );
    assert_eq!(asked[1], "patch shop/web");
    let policy = server.get(POLICIES, "shop/loadline-fence-deny-all").unwrap();
    assert_eq!(policy["spec"]["podSelector"]["matchLabels"][FENCED_LABEL], "deny-all");
    assert_eq!(
        policy["metadata"]["ownerReferences"],
        json!([{"apiVersion": "v1", "kind": "Namespace", "name": "shop", "uid": "uid-of-shop"}])
    );
}

#[tokio::test]
async fn gates_of_others_stay_and_a_fence_is_applied_once() {
    let server = ApiServer::default();
    let outcomes = Outcomes::default();
    server.put(NAMESPACES, namespace("shop", json!({})));
    let other = json!({"name": "example.com/other"});
    for number in 0..40 {
        let mut pod = gated(&format!("web-{number}"), "namespace");
        pod["spec"]["schedulingGates"] = json!([other, {"name": FENCE_GATE}]);
        server.put(PODS, pod);
    }
    let is_lifted =
        || (0..40).all(|number| gates(&server, &format!("web-{number}")) == json!([other]));
    run_until(fences(&server, &outcomes), "all gates to be lifted", is_lifted).await;
    assert_eq!(server.asked().iter().filter(|asked| asked.starts_with("apply")).count(), 1);
}

#[tokio::test]
async fn without_its_policy_a_pod_waits_and_goes_when_it_is_there() {
    let server = ApiServer::default();
    let outcomes = Outcomes::default();
    server.put(NAMESPACES, namespace("shop", json!({})));
    server.put(PODS, gated("web", "namespace"));
    server.refuse(&[POLICIES]);
    let seen = || outcomes.lock().unwrap().contains(&"policy-failed");
    let is_lifted = || gates(&server, "web").is_null();
    let loops = fences(&server, &outcomes);
    tokio::pin!(loops);
    run_until(&mut loops, "the policy to be refused", seen).await;
    assert!(!is_lifted());
    server.refuse(&[]);
    run_until(&mut loops, "the gate to be lifted", is_lifted).await;
}

#[tokio::test]
async fn a_policy_that_is_edited_or_deleted_comes_back() {
    const KEY: &str = "shop/loadline-fence-namespace";
    let server = ApiServer::default();
    let outcomes = Outcomes::default();
    server.put(NAMESPACES, namespace("shop", json!({})));
    server.put(PODS, gated("web", "namespace"));
    let loops = fences(&server, &outcomes);
    tokio::pin!(loops);
    run_until(&mut loops, "the gate to be lifted", || gates(&server, "web").is_null()).await;

    let right = server.get(POLICIES, KEY).unwrap()["spec"].clone();
    let mut edited = server.get(POLICIES, KEY).unwrap();
    edited["spec"]["ingress"] = json!([{}]);
    server.put(POLICIES, edited);
    let is_right = || server.get(POLICIES, KEY).is_some_and(|policy| policy["spec"] == right);
    run_until(&mut loops, "the edit to be undone", is_right).await;
    server.remove(POLICIES, KEY);
    run_until(&mut loops, "the policy to come back", is_right).await;
}

#[tokio::test]
async fn replicas_share_the_work_and_do_not_fight() {
    let server = ApiServer::default();
    let outcomes = Outcomes::default();
    server.put(NAMESPACES, namespace("shop", json!({})));
    for number in 0..30 {
        let fence = ["deny-all", "namespace", "open-egress"][number % 3];
        server.put(PODS, gated(&format!("web-{number}"), fence));
    }
    let replicas = async {
        tokio::select! { ended = fences(&server, &outcomes) => ended, ended = fences(&server, &outcomes) => ended }
    };
    tokio::pin!(replicas);
    let is_lifted = || (0..30).all(|number| gates(&server, &format!("web-{number}")).is_null());
    run_until(&mut replicas, "all gates to be lifted", is_lifted).await;
    // Long enough for each to see and judge what the other has applied.
    let settled = Instant::now() + Duration::from_millis(300);
    run_until(&mut replicas, "quiet", || Instant::now() > settled).await;

    let asked = server.asked();
    let count = |what: &str| asked.iter().filter(|asked| asked.starts_with(what)).count();
    assert_eq!(count("patch"), 30, "each gate once");
    assert!(count("apply") <= 6, "each fence at most once by each: {asked:?}");
    let told = outcomes.lock().unwrap();
    assert!(told.iter().all(|outcome| !outcome.ends_with("failed")), "{told:?}");
}

#[tokio::test]
async fn a_pod_with_an_unknown_fence_is_told_of_and_stays() {
    let server = ApiServer::default();
    let outcomes = Outcomes::default();
    server.put(NAMESPACES, namespace("shop", json!({})));
    server.put(PODS, gated("strange", "nonsense"));
    server.put(PODS, gated("web", "namespace"));
    run_until(fences(&server, &outcomes), "the other gate to be lifted", || {
        gates(&server, "web").is_null()
    })
    .await;
    assert_eq!(gates(&server, "strange"), json!([{"name": FENCE_GATE}]));
    assert!(outcomes.lock().unwrap().contains(&"unknown-fence"));
}

/// The snapshots that were published, and the resources whose watch failed.
#[derive(Clone, Default)]
struct Published {
    facts: Arc<Mutex<Vec<Facts>>>,
    errors: Arc<Mutex<Vec<&'static str>>>,
}

impl Published {
    fn count(&self) -> usize {
        self.facts.lock().unwrap().len()
    }

    fn last<T>(&self, read: impl Fn(&Facts) -> T) -> Option<T> {
        self.facts.lock().unwrap().last().map(read)
    }

    fn profile_of(&self, namespace: &str) -> Option<String> {
        self.last(|facts| {
            Some(facts.namespace(namespace)?.setting("loadline.dev/profile")?.to_owned())
        })
        .flatten()
    }

    async fn watch(
        &self,
        server: &ApiServer,
        pipeline: impl Fn() -> Arc<Pipeline>,
    ) -> Result<Infallible, cluster::ClusterError> {
        let publish = |facts| self.facts.lock().unwrap().push(facts);
        let on_error = |resource| self.errors.lock().unwrap().push(resource);
        cluster::watch(server.client(), pipeline, publish, on_error).await
    }
}

fn node(name: &str, taint: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"type": "virtual-kubelet"}},
        "spec": {"taints": [{"key": "virtual-kubelet.io/provider", "value": taint, "effect": "NoSchedule"}]},
        "status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]},
    })
}

fn built_in() -> Arc<Pipeline> {
    Arc::new(Pipeline::built_in().unwrap())
}

fn counts(facts: &Facts) -> BTreeMap<String, usize> {
    let cluster = facts.cluster().unwrap();
    cluster.virtual_node_counts().map(|(profile, count)| (profile.to_owned(), count)).collect()
}

#[tokio::test]
async fn facts_follow_nodes_and_namespaces() {
    let server = ApiServer::default();
    let (published, pipeline) = (Published::default(), built_in());
    server.put(NODES, node("aci-0", "azure"));
    server.put(NAMESPACES, namespace("shop", json!({})));
    let loops = published.watch(&server, || Arc::clone(&pipeline));
    tokio::pin!(loops);
    run_until(&mut loops, "the first snapshot", || published.count() == 1).await;
    assert_eq!(published.last(counts), Some(BTreeMap::from([("azure-aci".to_owned(), 1)])));
    assert_eq!(published.profile_of("shop"), None);

    server.put(NAMESPACES, namespace("shop", json!({"loadline.dev/profile": "nomad"})));
    run_until(&mut loops, "the namespace", || published.profile_of("shop").is_some()).await;
    server.put(NODES, node("kip-0", "kip"));
    server.remove(NODES, "/aci-0");
    let is_kip = || published.last(counts) == Some(BTreeMap::from([("elotl-kip".to_owned(), 1)]));
    run_until(&mut loops, "the nodes", is_kip).await;

    let count = published.count();
    let mut beat = node("kip-0", "kip");
    beat["status"]["conditions"][0]["lastHeartbeatTime"] = json!("2026-01-01T00:00:10Z");
    server.put(NODES, beat);
    let later = Instant::now() + Duration::from_millis(300);
    run_until(&mut loops, "time to pass", || Instant::now() > later).await;
    assert_eq!(published.count(), count, "a heartbeat is no news");
}

#[tokio::test]
async fn nothing_is_published_before_both_lists_are_read() {
    let server = ApiServer::default();
    let (published, pipeline) = (Published::default(), built_in());
    server.put(NODES, node("aci-0", "azure"));
    server.refuse(&[NAMESPACES]);
    let loops = published.watch(&server, || Arc::clone(&pipeline));
    tokio::pin!(loops);
    run_until(&mut loops, "the error", || published.errors.lock().unwrap().contains(&"namespaces"))
        .await;
    assert_eq!(published.count(), 0);
    server.refuse(&[]);
    run_until(&mut loops, "the first snapshot", || published.count() == 1).await;
}

#[tokio::test]
async fn another_pipeline_sorts_the_nodes_anew() {
    let server = ApiServer::default();
    let published = Published::default();
    let pipeline = Mutex::new(built_in());
    server.put(NODES, node("aci-0", "azure"));
    let loops = published.watch(&server, || Arc::clone(&pipeline.lock().unwrap()));
    tokio::pin!(loops);
    run_until(&mut loops, "the first snapshot", || published.count() == 1).await;
    let mut other = Pipeline::built_in().unwrap();
    other.profiles.retain(|profile| profile.name != "azure-aci");
    *pipeline.lock().unwrap() = Arc::new(other);
    let is_sorted =
        || published.last(counts).is_some_and(|counts| !counts.contains_key("azure-aci"));
    run_until(&mut loops, "the nodes to be sorted anew", is_sorted).await;
}

/// What `cluster::inventory` has published and complained of.
#[derive(Default)]
struct Inventories {
    all: Mutex<Vec<Inventory>>,
    errors: Mutex<usize>,
}

impl Inventories {
    fn names(&self) -> Vec<String> {
        let all = self.all.lock().unwrap();
        let last = all.last().into_iter().flat_map(Inventory::iter);
        last.map(|(key, _)| format!("{} {}/{}", key.kind, key.namespace, key.name)).collect()
    }

    async fn follow(
        &self,
        server: &ApiServer,
        wanted: impl Fn() -> Vec<Synced>,
    ) -> Result<Infallible, cluster::ClusterError> {
        let publish = |inventory| self.all.lock().unwrap().push(inventory);
        let on_error = |_| *self.errors.lock().unwrap() += 1;
        cluster::inventory::follow(server.client(), wanted, publish, on_error).await
    }
}

fn kind(group: &str, version: &str, kind: &str) -> Synced {
    Synced { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
}

const BUDGETS: &str = "/apis/policy/v1/poddisruptionbudgets";

#[tokio::test]
async fn the_objects_that_policies_look_at_are_followed() {
    let server = ApiServer::default();
    server.define("v1", "Pod", "pods");
    server.define("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets");
    let object = |name: &str, spec: Value| json!({"metadata": {"namespace": "shop", "name": name, "managedFields": [{"manager": "x"}]}, "spec": spec});
    server.put(PODS, object("web", json!({})));
    server.put(BUDGETS, object("web", json!({"minAvailable": 1})));
    let wanted =
        Mutex::new(vec![kind("", "v1", "Pod"), kind("policy", "v1", "PodDisruptionBudget")]);
    let inventories = Inventories::default();
    let loops = inventories.follow(&server, || wanted.lock().unwrap().clone());
    tokio::pin!(loops);
    let has = |names: &[&str]| inventories.names() == names;
    run_until(&mut loops, "both", || {
        has(&["PodDisruptionBudget shop/web", "Pod shop/web"])
            || has(&["Pod shop/web", "PodDisruptionBudget shop/web"])
    })
    .await;
    {
        let all = inventories.all.lock().unwrap();
        assert_eq!(all.len(), 1, "nothing is published by halves");
        let (_, budget) = all[0].iter().find(|(key, _)| key.kind == "PodDisruptionBudget").unwrap();
        assert_eq!(budget.object["apiVersion"], "policy/v1");
        assert_eq!(budget.object["spec"], json!({"minAvailable": 1}));
        assert_eq!(budget.object["metadata"].get("managedFields"), None);
    }
    server.put(PODS, object("db", json!({})));
    server.remove(BUDGETS, "shop/web");
    run_until(&mut loops, "the changes", || has(&["Pod shop/db", "Pod shop/web"])).await;

    *wanted.lock().unwrap() = Vec::new();
    run_until(&mut loops, "nothing to be wanted any more", || has(&[])).await;
}

#[tokio::test]
async fn a_kind_that_is_not_there_keeps_no_other_waiting() {
    let server = ApiServer::default();
    server.define("v1", "Pod", "pods");
    server.put(PODS, json!({"metadata": {"namespace": "shop", "name": "web"}}));
    let inventories = Inventories::default();
    let loops = inventories
        .follow(&server, || vec![kind("example.com", "v1", "Unheard"), kind("", "v1", "Pod")]);
    tokio::pin!(loops);
    run_until(&mut loops, "the pod", || inventories.names() == ["Pod shop/web"]).await;
    assert_eq!(*inventories.errors.lock().unwrap(), 1);
}
