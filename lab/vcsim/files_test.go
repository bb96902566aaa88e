package main

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vmware/govmomi/object"
)

func TestMakeDirectory(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		name    string
		parents bool
		want    string
	}{
		{"[ds-a] a/b/c", false, "FileNotFound"},
		{"[ds-a] a/b/c", true, ""},
		{"[ds-a] a/b/c", true, "FileAlreadyExists"},
		{"[ds-a] a/b/c", false, "FileAlreadyExists"},
		{"[ds-a] a/b/d", false, ""},
		{"[ds-off] a", false, "InvalidDatastore"},
		{"[ds-dc2] a", false, "InvalidDatastore"},
		{"[ds-a] ../x", false, "InvalidDatastorePath"},
		{"nothing", false, "InvalidDatastorePath"},
	} {
		if got := fault(l.files().MakeDirectory(l.ctx, c.name, l.dc, c.parents)); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	l.put("[ds-a] file", "x")
	if got := fault(l.files().MakeDirectory(l.ctx, "[ds-a] file/x", l.dc, true)); got != "CannotCreateFile" {
		t.Errorf("below a file: %q", got)
	}
	if got := fault(l.files().MakeDirectory(l.ctx, "[ds-a] x", nil, true)); got != "InvalidArgument" {
		t.Errorf("no datacenter: %q", got)
	}
}

func TestDeleteFile(t *testing.T) {
	l := newLab(t)
	l.put("[ds-a] d/e/f", "x")
	del := func(name string) string { return l.wait(l.files().DeleteDatastoreFile(l.ctx, name, l.dc)) }
	for _, c := range [][2]string{{"[ds-a] none", "FileNotFound"}, {"[ds-a] d", ""}, {"[ds-a] d", "FileNotFound"}, {"[ds-a]", "CannotDeleteFile"}} {
		if got := del(c[0]); got != c[1] {
			t.Errorf("%v: %q", c, got)
		}
	}
	// The VM runs, so ESXi holds its files.
	for _, name := range []string{"[ds-a] legacy-0001", "[ds-a] legacy-0002/legacy-0002.vmdk", "[ds-a] legacy-0003/legacy-0003-flat.vmdk"} {
		if got := del(name); got != "FileLocked" || !l.exists(name) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := del("[ds-shared] cold/cold.vmdk"); got != "" {
		t.Errorf("a VM that is off: %q", got)
	}
}

func TestMoveFile(t *testing.T) {
	l := newLab(t)
	l.put("[ds-a] stage/i/i.vmdk", "x")
	l.put("[ds-a] base/j/j.vmdk", "y")
	mv := func(src, dst string, force bool) string {
		return l.wait(l.files().MoveDatastoreFile(l.ctx, src, l.dc, dst, l.dc, force))
	}
	for _, c := range []struct {
		src, dst string
		force    bool
		want     string
	}{
		{"[ds-a] none", "[ds-a] base/i", false, "FileNotFound"},
		{"[ds-a] stage/i", "[ds-a] nobase/i", false, "FileNotFound"},
		{"[ds-a] stage/i", "[ds-a] base/j", false, "FileAlreadyExists"},
		{"[ds-a] stage/i", "[ds-a] stage/i/k", false, "InvalidArgument"},
		{"[ds-a] stage/i", "[ds-a] base/i", false, ""},
		{"[ds-a] base/i", "[ds-a] base/j", true, ""},
		{"[ds-a] base/j", "[ds-shared] j", false, ""},
		{"[ds-a] legacy-0001", "[ds-a] base/l", false, "FileLocked"},
	} {
		if got := mv(c.src, c.dst, c.force); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	if !l.exists("[ds-shared] j/i.vmdk") || l.exists("[ds-a] base/j") || l.exists("[ds-shared] j/j.vmdk") {
		t.Error("wrong files")
	}
}

// Of many that publish the same folder one wins and the others get FileAlreadyExists.
func TestMoveRace(t *testing.T) {
	l := newLab(t)
	l.put("[ds-a] base/keep", "")
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		src := object.DatastorePath{Datastore: "ds-a", Path: "stage" + string(rune('0'+i))}
		l.put(src.String()+"/f", src.Path)
		wg.Go(func() {
			switch got := l.wait(l.files().MoveDatastoreFile(l.ctx, src.String(), l.dc, "[ds-a] base/i", l.dc, false)); got {
			case "":
				won.Add(1)
			case "FileAlreadyExists":
			default:
				t.Error(got)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d won", won.Load())
	}
}

func TestCopyFile(t *testing.T) {
	l := newLab(t)
	l.put("[ds-a] a/f", "x")
	cp := func(src, dst string) string {
		return l.wait(l.files().CopyDatastoreFile(l.ctx, src, l.dc, dst, l.dc, false))
	}
	for _, c := range [][3]string{{"[ds-a] a/f", "[ds-shared] f", ""}, {"[ds-a] a/f", "[ds-shared] f", "FileAlreadyExists"},
		{"[ds-a] a/f", "[ds-shared] no/f", "FileNotFound"}, {"[ds-a] none", "[ds-shared] g", "FileNotFound"}, {"[ds-a] a", "[ds-shared] a", ""}} {
		if got := cp(c[0], c[1]); got != c[2] {
			t.Errorf("%v: %q", c, got)
		}
	}
	if !l.exists("[ds-shared] a/f") {
		t.Error("folder was not copied")
	}
}
