// Command vcsim is a vCenter simulator for tests and demos of OpenStack Nova's VMware driver. It stands on govmomi's
// simulator and closes the gaps that Nova, pyVmomi and image uploads meet there; docs/simulator.md lists them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os/signal"
	"syscall"
)

// options are the command line.
type options struct {
	scenario, profile, listen, cert, key, wsdl, datastores, requestLog, control string
	hostListeners                                                               bool
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("vcsim: ")
	var o options
	flag.StringVar(&o.scenario, "scenario", "", "scenario `file` (YAML)")
	flag.StringVar(&o.profile, "profile", "", "profile `file` (YAML) of vsphere_probe: version and behaviour in place of the scenario's")
	flag.StringVar(&o.listen, "listen", "", "`IP:PORT` of the vCenter; hosts listen on the same port")
	flag.StringVar(&o.cert, "cert", "", "certificate `file` (PEM), for the vCenter and all hosts")
	flag.StringVar(&o.key, "key", "", "key `file` (PEM)")
	flag.StringVar(&o.wsdl, "wsdl", "", "`folder` that gen_wsdl.py has filled")
	flag.StringVar(&o.datastores, "datastores", "", "`folder` for datastore files, one folder a datastore; emptied at start")
	flag.StringVar(&o.requestLog, "request-log", "", "`file` for the log of requests (JSON lines), truncated at start")
	flag.StringVar(&o.control, "control", "", "unix `socket` for rules that break requests; none without it")
	flag.BoolVar(&o.hostListeners, "host-listeners", true, "listen on the hosts' addresses as well")
	flag.Parse()
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

// run serves until SIGINT or SIGTERM.
func run(o options) error {
	for name, value := range map[string]string{"scenario": o.scenario, "listen": o.listen, "cert": o.cert, "key": o.key,
		"wsdl": o.wsdl, "datastores": o.datastores, "request-log": o.requestLog} {
		if value == "" {
			return fmt.Errorf("-%s is required", name)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s, err := newServer(o)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.start(); err != nil {
		return err
	}
	fmt.Printf("vcsim ready: https://%s/sdk, %d host listeners\n", o.listen, len(s.addresses))
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return errors.Join(errors.New("a listener failed"), err)
	}
}
