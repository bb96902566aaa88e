package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// profileFolder has the two extremes.
const profileFolder = "../profiles"

func TestProfiles(t *testing.T) {
	extremes := map[string]*Scenario{}
	for _, name := range []string{"harmful", "kind"} {
		o := testOptions(t, testScenario)
		sc, err := loadScenario(o.scenario, filepath.Join(profileFolder, name+".yml"))
		if err != nil {
			t.Fatal(err)
		}
		extremes[name] = sc
	}
	harmful, kind := extremes["harmful"].VCenter, extremes["kind"].VCenter
	var defaults Behaviour
	if err := defaults.check(harmful.Version); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(harmful.Behaviour, defaults) {
		t.Errorf("harmful.yml: %+v, want the defaults %+v", harmful.Behaviour, defaults)
	}
	if harmful.Build == "" || kind.Version == harmful.Version {
		t.Errorf("version and build: %q %q, %q %q", harmful.Version, harmful.Build, kind.Version, kind.Build)
	}
	h, k := reflect.ValueOf(harmful.Behaviour), reflect.ValueOf(kind.Behaviour)
	for i := range h.NumField() {
		if reflect.DeepEqual(h.Field(i).Interface(), k.Field(i).Interface()) {
			t.Errorf("%s is the same in both extremes", h.Type().Field(i).Name)
		}
	}
}

func TestProfileStandsInPlaceOfTheScenario(t *testing.T) {
	vc := VCenter{Version: "8.0.3", Behaviour: Behaviour{CopySpec: "honoured", OldStream: "taken"}}
	if err := vc.apply([]byte("version: 7.0.3\nbuild: \"123\"\ndatastore_types: [VMFS]\nbehaviour: {copy_spec: refused}\n")); err != nil {
		t.Fatal(err)
	}
	if vc.Version != "7.0.3" || vc.Build != "123" || vc.Behaviour.CopySpec != "refused" || vc.Behaviour.OldStream != "taken" {
		t.Errorf("%+v", vc)
	}
	if err := new(VCenter).apply([]byte("version: 8.0.3\n")); err != nil {
		t.Errorf("without a behaviour: %v", err)
	}
	for _, bad := range []string{"behaviour: {no_such: x}", "no_such: x"} {
		if err := new(VCenter).apply([]byte(bad)); err == nil || !strings.Contains(err.Error(), "no_such") {
			t.Errorf("%s: error %v does not name the key", bad, err)
		}
	}
	file := filepath.Join(t.TempDir(), "bad.yml")
	if err := os.WriteFile(file, []byte("behaviour: {copy_spec: maybe}"), 0600); err != nil {
		t.Fatal(err)
	}
	o := testOptions(t, testScenario)
	if _, err := loadScenario(o.scenario, file); err == nil || !strings.Contains(err.Error(), "copy_spec") {
		t.Errorf("error %v does not name the switch", err)
	}
}
