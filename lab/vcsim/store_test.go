package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// What is counted again after a change is what a whole count gives.
func TestCount(t *testing.T) {
	l := newLab(t)
	v := l.s.stores["ds-a"].volume
	for what, change := range map[string]func(){
		"a file":              func() { l.put("[ds-a] a/b/c", string(make([]byte, 20000))) },
		"a file that goes":    func() { l.put("[ds-a] e", "z"); v.freeSpace(); l.must(os.Remove(l.path("[ds-a] e"))) },
		"a folder that goes":  func() { l.put("[ds-a] x/y", "z"); v.freeSpace(); l.must(os.RemoveAll(l.path("[ds-a] x"))) },
		"a folder that moves": func() { l.put("[ds-a] m/n", "z"); l.must(os.Rename(l.path("[ds-a] m"), l.path("[ds-a] o"))) },
		"a thin disk":         func() { l.disk("[ds-a] d/t.vmdk", 1<<20, "x") },
		"a disk":              func() { l.must(createDisk(file{l.s.stores["ds-a"], "thick.vmdk"}, 1<<20, diskKind{}, nil)) },
		"a disk that grows": func() {
			f := file{l.s.stores["ds-a"], "g.vmdk"}
			l.must(createDisk(f, 1<<20, diskKind{}, nil))
			v.freeSpace()
			d, err := openDisk(f)
			l.must(err)
			if fault := l.s.growDisk(d, 3<<20); fault != nil {
				t.Errorf("%+v", fault)
			}
		},
	} {
		v.freeSpace()
		change()
		l.s.changed()
		v.freeSpace()
		if want := diskUsage(v.dir); v.used != want {
			t.Errorf("%s: %d bytes, want %d", what, v.used, want)
		}
	}
}

// BenchmarkFreeSpace reads the free space of 10,000 VMs' files after a task.
func BenchmarkFreeSpace(b *testing.B) {
	v := &volume{dir: b.TempDir(), capacity: 1 << 50, free: 1 << 50}
	for i := range 10000 {
		dir := filepath.Join(v.dir, fmt.Sprint("vm", i))
		_ = os.Mkdir(dir, 0700)
		for _, name := range []string{"vm.vmx", "vm.nvram", "vmware.log", "vm.vmdk", "vm-flat.vmdk"} {
			_ = os.WriteFile(filepath.Join(dir, name), []byte("x"), 0600)
		}
	}
	v.loaded()
	for b.Loop() {
		v.stale.Store(true)
		v.freeSpace()
	}
}
