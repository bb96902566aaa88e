package main

import (
	"bytes"
	"fmt"
	"os"

	"gopkg.in/yaml.v3"
)

// Profile is what the module vsphere_probe found out about a vCenter. It stands in place of the scenario's version and behaviour; a switch
// that it does not name was not found out and stays as the scenario has it.
type Profile struct {
	Version string `yaml:"version"`
	Build   string `yaml:"build"`
	// DatastoreTypes are those of the datastores that were probed: for people, the simulator takes no notice.
	DatastoreTypes []string  `yaml:"datastore_types"`
	Behaviour      yaml.Node `yaml:"behaviour"`
}

// applyProfile reads a profile file into the vCenter. Errors name the file and the key.
func (vc *VCenter) applyProfile(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := vc.apply(data); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func (vc *VCenter) apply(profile []byte) error {
	var p Profile
	if err := strictly(profile, &p); err != nil {
		return err
	}
	if p.Version != "" {
		vc.Version = p.Version
	}
	if p.Build != "" {
		vc.Build = p.Build
	}
	if p.Behaviour.IsZero() {
		return nil
	}
	switches, err := yaml.Marshal(&p.Behaviour)
	if err != nil {
		return err
	}
	return strictly(switches, &vc.Behaviour)
}

// strictly reads YAML over what is there. A key that is not known is an error.
func strictly(data []byte, into any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	return dec.Decode(into)
}
