// Command govc is the part of govmomi's command line that the benchmark compares with: uploads to a datastore.
package main

import (
	"os"

	"github.com/vmware/govmomi/cli"
	_ "github.com/vmware/govmomi/cli/about"
	_ "github.com/vmware/govmomi/cli/datastore"
)

func main() {
	os.Exit(cli.Run(os.Args[1:]))
}
