package main

import (
	"strings"
	"testing"
)

func TestBehaviourDefaults(t *testing.T) {
	for version, where := range map[string]string{"7.0.3": "sslThumbprint", "8.0.3": "certThumbprintList", "9.0.0": "sslCertificate"} {
		var b Behaviour
		if err := b.check(version); err != nil {
			t.Fatal(err)
		}
		if b.ThinFileSize != "allocated" || b.VsanFolderMove != "half" || *b.EagerZeroSecondsPerGiB != defaultEagerZero {
			t.Errorf("%+v: not the harmful values", b)
		}
		if b.HostCertificate != where {
			t.Errorf("version %s: certificate in %s, want %s", version, b.HostCertificate, where)
		}
	}
}

func TestBehaviourRefusesUnknownValues(t *testing.T) {
	b := Behaviour{CopySpec: "maybe"}
	if err := b.check("8.0.3"); err == nil || !strings.Contains(err.Error(), "copy_spec") {
		t.Errorf("error %v does not name the switch", err)
	}
	bad := strings.Replace(testScenario, "vcenter: {", "vcenter: {behaviour: {no_such: x}, ", 1)
	if _, err := parseScenario([]byte(bad)); err == nil || !strings.Contains(err.Error(), "no_such") {
		t.Errorf("error %v does not name the key", err)
	}
}
