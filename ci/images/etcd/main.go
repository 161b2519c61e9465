// Command etcd is the etcd server and nothing else, built from its published Go module, for machines that
// have a Go module proxy and a Docker engine but no image registry. It takes the command line of the official
// binary.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
