// Command virtualnode serves the nodes of the end-to-end tests: each one is run by the real virtual-kubelet core
// (github.com/virtual-kubelet/virtual-kubelet, `node` and `nodeutil`) over a provider that starts nothing and calls
// every pod Running. Name, labels, taints and size come from a file, so a test can have a node that looks like any
// provider's.
//
// A node with `kubelet: true` stands in for a machine with a kubelet: its pods get the downward API as a kubelet
// gives it, where the virtual-kubelet core refuses what it does not know (`status.podIP`).
//
//	virtualnode --kubeconfig FILE --nodes FILE
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/log"
	"github.com/virtual-kubelet/virtual-kubelet/log/klogv2"
	"github.com/virtual-kubelet/virtual-kubelet/node"
	"github.com/virtual-kubelet/virtual-kubelet/node/nodeutil"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// nodeConfig is one entry of the file given by --nodes.
type nodeConfig struct {
	Name    string            `json:"name"`
	Labels  map[string]string `json:"labels"`
	Taints  []corev1.Taint    `json:"taints"`
	CPU     string            `json:"cpu"`
	Memory  string            `json:"memory"`
	Pods    string            `json:"pods"`
	Kubelet bool              `json:"kubelet"`
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "credentials for the API server")
	nodes := flag.String("nodes", "", "JSON file: the nodes to serve")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.L = klogv2.New(nil)
	if err := run(ctx, *kubeconfig, *nodes); err != nil {
		fmt.Fprintln(os.Stderr, "virtualnode:", err)
		os.Exit(1)
	}
}

// run serves every node of the file until ctx ends or one of them fails.
func run(ctx context.Context, kubeconfig, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var configs []nodeConfig
	if err := json.Unmarshal(text, &configs); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(configs) == 0 {
		return fmt.Errorf("%s: no node", path)
	}
	rest, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	rest.QPS, rest.Burst = 200, 400
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var serving sync.WaitGroup
	failed := make(chan error, len(configs))
	for _, config := range configs {
		served, err := newNode(client, config)
		if err != nil {
			return fmt.Errorf("node %s: %w", config.Name, err)
		}
		serving.Go(func() {
			if err := served.Run(ctx); err != nil && ctx.Err() == nil {
				failed <- fmt.Errorf("node %s: %w", config.Name, err)
				cancel()
			}
		})
	}
	serving.Wait()
	close(failed)
	var all []error
	for err := range failed {
		all = append(all, err)
	}
	return errors.Join(all...)
}

func newNode(client kubernetes.Interface, config nodeConfig) (*nodeutil.Node, error) {
	capacity := corev1.ResourceList{}
	for name, size := range map[corev1.ResourceName]string{
		corev1.ResourceCPU:    config.CPU,
		corev1.ResourceMemory: config.Memory,
		corev1.ResourcePods:   config.Pods,
	} {
		quantity, err := resource.ParseQuantity(size)
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", name, size, err)
		}
		capacity[name] = quantity
	}
	describe := func(c *nodeutil.NodeConfig) error {
		c.NodeSpec.Labels = config.Labels
		c.NodeSpec.Spec.Taints = config.Taints
		c.NodeSpec.Status.Capacity = capacity
		c.NodeSpec.Status.Allocatable = capacity
		c.NodeSpec.Status.NodeInfo = corev1.NodeSystemInfo{
			KubeletVersion: "e2e", OperatingSystem: "linux", Architecture: "amd64",
		}
		for i := range c.NodeSpec.Status.Conditions {
			condition := &c.NodeSpec.Status.Conditions[i]
			condition.LastTransitionTime = metav1.Now()
			condition.Status = corev1.ConditionFalse
		}
		c.SkipDownwardAPIResolution = config.Kubelet
		// One worker: the tests make few pods, and the machine has few cores.
		c.NumWorkers = 1
		return nil
	}
	return nodeutil.NewNode(config.Name, newProvider, nodeutil.WithClient(client), describe)
}

// provider is a virtual-kubelet provider that keeps the pods it was given in memory and calls them Running.
type provider struct {
	// Logs, exec and the like: never called, since no node here has an HTTP listener.
	nodeutil.Provider

	mu     sync.Mutex
	pods   map[string]*corev1.Pod
	notify func(*corev1.Pod)
}

func newProvider(nodeutil.ProviderConfig) (nodeutil.Provider, node.NodeProvider, error) {
	return &provider{pods: map[string]*corev1.Pod{}}, nil, nil
}

// NotifyPods makes the core take status changes at once, instead of asking every five seconds.
func (p *provider) NotifyPods(_ context.Context, notify func(*corev1.Pod)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notify = notify
}

func (p *provider) CreatePod(_ context.Context, pod *corev1.Pod) error {
	pod = pod.DeepCopy()
	now := metav1.Now()
	pod.Status = corev1.PodStatus{
		Phase:             corev1.PodRunning,
		StartTime:         &now,
		PodIP:             "192.0.2.1", // a documentation address: nothing listens anywhere
		HostIP:            "192.0.2.2",
		Conditions:        runningConditions(now),
		ContainerStatuses: runningContainers(pod.Spec.Containers, now),
	}
	p.keep(pod)
	return nil
}

func (p *provider) UpdatePod(_ context.Context, pod *corev1.Pod) error {
	p.mu.Lock()
	known := p.pods[key(pod.Namespace, pod.Name)]
	p.mu.Unlock()
	if known == nil {
		return errdefs.NotFoundf("pod %s/%s", pod.Namespace, pod.Name)
	}
	pod = pod.DeepCopy()
	pod.Status = *known.Status.DeepCopy()
	p.keep(pod)
	return nil
}

func (p *provider) DeletePod(_ context.Context, pod *corev1.Pod) error {
	p.mu.Lock()
	known := p.pods[key(pod.Namespace, pod.Name)]
	delete(p.pods, key(pod.Namespace, pod.Name))
	notify := p.notify
	p.mu.Unlock()
	if known == nil {
		return errdefs.NotFoundf("pod %s/%s", pod.Namespace, pod.Name)
	}
	ended := pod.DeepCopy()
	now := metav1.Now()
	ended.Status.Phase = corev1.PodSucceeded
	for i := range ended.Status.ContainerStatuses {
		status := &ended.Status.ContainerStatuses[i]
		status.Ready = false
		status.State = corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{Reason: "Deleted", FinishedAt: now},
		}
	}
	if notify != nil {
		notify(ended)
	}
	return nil
}

func (p *provider) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pod := p.pods[key(namespace, name)]; pod != nil {
		return pod.DeepCopy(), nil
	}
	return nil, errdefs.NotFoundf("pod %s/%s", namespace, name)
}

func (p *provider) GetPodStatus(ctx context.Context, namespace, name string) (*corev1.PodStatus, error) {
	pod, err := p.GetPod(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return &pod.Status, nil
}

func (p *provider) GetPods(context.Context) ([]*corev1.Pod, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pods := make([]*corev1.Pod, 0, len(p.pods))
	for _, pod := range p.pods {
		pods = append(pods, pod.DeepCopy())
	}
	return pods, nil
}

func (p *provider) keep(pod *corev1.Pod) {
	p.mu.Lock()
	p.pods[key(pod.Namespace, pod.Name)] = pod
	notify := p.notify
	p.mu.Unlock()
	if notify != nil {
		notify(pod.DeepCopy())
	}
}

func runningConditions(now metav1.Time) []corev1.PodCondition {
	var conditions []corev1.PodCondition
	for _, kind := range []corev1.PodConditionType{
		corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady,
	} {
		conditions = append(conditions, corev1.PodCondition{
			Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now,
		})
	}
	return conditions
}

func runningContainers(containers []corev1.Container, now metav1.Time) []corev1.ContainerStatus {
	started := true
	var statuses []corev1.ContainerStatus
	for _, container := range containers {
		statuses = append(statuses, corev1.ContainerStatus{
			Name:    container.Name,
			Image:   container.Image,
			Ready:   true,
			Started: &started,
			State:   corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}},
		})
	}
	return statuses
}

func key(namespace, name string) string { return namespace + "/" + name }
