package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestScenarioErrors(t *testing.T) {
	const head = "vcenter: {username: u, password: p}\ndatacenters:\n- name: dc\n"
	const host = "  clusters: [{name: c, hosts: [{name: 127.0.0.1}]}]\n"
	for want, text := range map[string]string{
		"field pasword not found":      "vcenter: {username: u, pasword: p}",
		"field cpu not found":          head + host + "  vms: [{name: x, cpu: 1}]",
		"username and password":        "vcenter: {username: u}",
		"datacenters":                  "vcenter: {username: u, password: p}",
		"used twice":                   head + "  clusters: [{name: c, hosts: [{name: 127.0.0.1}, {name: 127.0.0.1}]}]",
		"give hosts or clusters":       head + host + "  datastores: [{name: d}]",
		"no cluster z":                 head + host + "  datastores: [{name: d, clusters: [z]}]",
		`type: "vmfs" is none of`:      head + host + "  datastores: [{name: d, clusters: [c], type: vmfs}]",
		"free_gb":                      head + host + "  datastores: [{name: d, clusters: [c], capacity_gb: 1, free_gb: 2}]",
		"name: no ]":                   head + host + "  datastores: [{name: 'a]b', clusters: [c]}]",
		"datastore: d is used twice":   head + host + "  datastores: [{name: d, clusters: [c]}, {name: d, clusters: [c]}]",
		"url is that of another":       head + host + "  datastores: [{name: d, url: u, clusters: [c]}, {name: e, url: u, clusters: [c]}]",
		"free_gb is not that of":       head + host + "  datastores: [{name: d, url: u, clusters: [c]}]\n- name: dc2\n  clusters: [{name: c, hosts: [{name: h}]}]\n  datastores: [{name: e, url: u, free_gb: 1, clusters: [c]}]",
		`no datastore "d"`:             head + host + "  vms: [{name: x, cluster: c, datastore: d}]",
		`power: "maybe" is none of`:    head + host + "  datastores: [{name: d, clusters: [c]}]\n  vms: [{name: x, cluster: c, datastore: d, power: maybe}]",
		"instance_uuid":                "vcenter: {username: u, password: p, instance_uuid: x}",
		`state: "up" is none of`:       head + "  clusters: [{name: c, hosts: [{name: h, state: up}]}]",
		`cluster name "c" is empty or`: head + "  clusters: [{name: c}, {name: c}]",
	} {
		_, err := parseScenario([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestHostAddress(t *testing.T) {
	sc, err := parseScenario([]byte("vcenter: {username: u, password: p}\ndatacenters: [{name: d, clusters: [{name: c, hosts: [{name: esx-1, address: 127.0.0.9}, {name: esx-2}, {name: esx-3, address: 127.0.0.8, state: notResponding}]}]}]"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sc.listenAddresses(); err == nil || !strings.Contains(err.Error(), "esx-2") {
		t.Error(err)
	}
	sc.Datacenters[0].Clusters[0].Hosts[1].Address = "127.0.0.9"
	got, err := sc.listenAddresses()
	if err != nil || fmt.Sprint(got) != "map[127.0.0.9:[esx-1 esx-2]]" {
		t.Error(got, err)
	}
}

// The same scenario has the same moids.
func TestLoad(t *testing.T) {
	text := "vcenter: {username: u, password: p}\ndatacenters:\n- name: d\n  clusters:\n"
	for c := range 8 {
		text += fmt.Sprintf("  - name: c%d\n    hosts: [", c)
		for h := range 16 {
			text += fmt.Sprintf("{name: h%d-%d},", c, h)
		}
		text += "]\n"
	}
	text += "  datastores:\n"
	for c := range 8 {
		text += fmt.Sprintf("  - {name: ds%d, clusters: [c%d]}\n", c, c)
	}
	text += "  vms:\n"
	for c := range 8 {
		text += fmt.Sprintf("  - {name: vm%d, cluster: c%d, count: 100, datastore: ds%d}\n", c, c, c)
	}
	o := testOptions(t, text)
	o.hostListeners = false
	var moids [2]map[string]string
	for i := range moids {
		s, err := newServer(o)
		if err != nil {
			t.Fatal(err)
		}
		moids[i] = map[string]string{}
		for _, e := range s.reg.All("") {
			moids[i][e.Reference().Value] = e.Entity().Name
		}
		s.close()
	}
	if fmt.Sprint(moids[0]) != fmt.Sprint(moids[1]) {
		t.Error("moids differ")
	}
}
