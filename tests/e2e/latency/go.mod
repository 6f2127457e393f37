module loadline.dev/e2e/latency

go 1.26.0
