// Command latency measures what admission webhooks cost the person who creates a pod.
//
//	latency allow   --listen ADDRESS --cert FILE --key FILE
//	latency measure --server URL --ca FILE --cert FILE --key FILE --cells FILE --rounds N --warmup N
//
// `allow` is the cheapest webhook there can be: it reads the review's uid and answers `allowed: true`; at /annotate it
// adds an annotation as well, the cheapest change there can be.
// `measure` creates pods by server-side dry run over one keep-alive connection. Every round creates each cell's pod
// once, in an order of its own, so that what slows the machine down slows all cells alike, and none always comes after a
// neighbour that has just woken the same server.
// It prints one JSON object: microseconds for each cell.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"
)

// cell is one thing to measure: a pod, and the namespace that decides which webhooks see it.
type cell struct {
	Name      string          `json:"name"`
	Namespace string          `json:"namespace"`
	Pod       json.RawMessage `json:"pod"`
}

// times are microseconds over all rounds.
type times struct {
	Name    string `json:"name"`
	Rounds  int    `json:"rounds"`
	Minimum int64  `json:"minimum"`
	Median  int64  `json:"median"`
	P90     int64  `json:"p90"`
}

func main() {
	if len(os.Args) < 2 {
		fail("usage: latency allow|measure FLAGS")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	var (
		cert   = flags.String("cert", "", "certificate file")
		key    = flags.String("key", "", "key file")
		listen = flags.String("listen", "", "allow: address to listen on")
		server = flags.String("server", "", "measure: URL of the API server")
		ca     = flags.String("ca", "", "measure: certificate authority of the API server")
		cells  = flags.String("cells", "", "measure: JSON file, what to create")
		rounds = flags.Int("rounds", 200, "measure: how often each pod is created")
		warmup = flags.Int("warmup", 20, "measure: rounds that do not count")
	)
	flags.Parse(os.Args[2:])
	var err error
	switch os.Args[1] {
	case "allow":
		err = allow(*listen, *cert, *key)
	case "measure":
		err = measure(*server, *ca, *cert, *key, *cells, *rounds, *warmup)
	default:
		err = fmt.Errorf("no command %q", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
}

// annotation is a JSON Patch; the pod must have annotations already.
const annotation = `[{"op":"add","path":"/metadata/annotations/e2e.loadline.dev~1seen","value":"yes"}]`

func allow(listen, cert, key string) error {
	answer := func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			Request struct {
				UID string `json:"uid"`
			} `json:"request"`
		}
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		response := map[string]any{"uid": review.Request.UID, "allowed": true}
		if r.URL.Path == "/annotate" {
			response["patchType"], response["patch"] = "JSONPatch", []byte(annotation)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response,
		})
	}
	server := &http.Server{
		Addr: listen, Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 10 * time.Second,
	}
	return server.ListenAndServeTLS(cert, key)
}

func measure(server, ca, cert, key, path string, rounds, warmup int) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var cells []cell
	if err := json.Unmarshal(text, &cells); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(cells) == 0 || rounds < 1 {
		return fmt.Errorf("nothing to measure: %d cells, %d rounds", len(cells), rounds)
	}
	client, err := connect(ca, cert, key)
	if err != nil {
		return err
	}
	taken := make([][]int64, len(cells))
	order := rand.New(rand.NewPCG(1, 2)) // the same orders in each run
	for round := range warmup + rounds {
		for _, at := range order.Perm(len(cells)) {
			spent, err := create(client, server, cells[at])
			if err != nil {
				return fmt.Errorf("%s: %w", cells[at].Name, err)
			}
			if round >= warmup {
				taken[at] = append(taken[at], spent.Microseconds())
			}
		}
	}
	report := make([]times, len(cells))
	for i, all := range taken {
		slices.Sort(all)
		report[i] = times{
			Name: cells[i].Name, Rounds: len(all), Minimum: all[0],
			Median: all[len(all)/2], P90: all[len(all)*9/10],
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"cells": report})
}

// connect makes a client that holds a single connection.
func connect(ca, cert, key string) (*http.Client, error) {
	authority, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("%s: no certificate", ca)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Timeout: 30 * time.Second,
		Transport: &http.Transport{
			MaxConnsPerHost: 1,
			TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
		},
	}, nil
}

// create asks for one pod by dry run; anything but 201 is an error, since it would measure something else.
func create(client *http.Client, server string, c cell) (time.Duration, error) {
	target := server + "/api/v1/namespaces/" + url.PathEscape(c.Namespace) + "/pods?dryRun=All"
	request, err := http.NewRequest(http.MethodPost, target, bytes.NewReader(c.Pod))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	start := time.Now()
	response, err := client.Do(request)
	if err != nil {
		return 0, err
	}
	body, err := io.ReadAll(response.Body)
	spent := time.Since(start)
	response.Body.Close()
	if err != nil {
		return 0, err
	}
	if response.StatusCode != http.StatusCreated {
		return 0, fmt.Errorf("%s: %.2000s", response.Status, body)
	}
	return spent, nil
}

func fail(why any) {
	fmt.Fprintln(os.Stderr, "latency:", why)
	os.Exit(1)
}
