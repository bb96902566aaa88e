package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// escapeName is a name as the inventory has it. API, ManagedEntity.name: "Any / (slash), \ (backslash), character used in this name element
// will be escaped. Similarly, any % (percent) character used in this name element will be escaped, unless it is used to start an escape
// sequence." A datastore path has it so as well (API, Datastore: these three characters may be in a path, "but not in a datastore name").
func escapeName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c == '/':
			b.WriteString("%2f")
		case c == '\\':
			b.WriteString("%5c")
		case c == '%' && !startsEscape(name[i:]):
			b.WriteString("%25")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func startsEscape(s string) bool {
	s = strings.ToLower(s[:min(3, len(s))])
	return s == "%2f" || s == "%5c" || s == "%25"
}

// escapeNewName escapes the name that a call gives to something (API: CreateFolder, Rename_Task, VirtualMachineConfigSpec.name).
// The simulator keeps one as it is, or escapes a percent sign that starts an escape sequence once more. VMs are created in createVM.
func escapeNewName(body any) {
	switch req := body.(type) {
	case *types.Rename_Task:
		req.NewName = escapeName(req.NewName)
	case *types.ReconfigVM_Task:
		req.Spec.Name = escapeName(req.Spec.Name)
	case *types.CreateFolder:
		req.Name = strings.NewReplacer("%2f", "/", "%2F", "/", "%5c", `\`, "%5C", `\`, "%25", "%").Replace(req.Name) // which it escapes
	}
}

// folderOf is the name of a folder of this machine for a name of the inventory: the same, but for the few characters that a file system or we
// have a use for. So it never begins with a dot, and a tilde in it is ours.
func folderOf(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == 0x7f || c == '~' || c == '/' || c == '.' && i == 0 {
			fmt.Fprintf(&b, "%%%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// place is where a datastore's name counts (API, Datastore: "The scope of a datastore is a datacenter; the datastore is uniquely named
// within the datacenter").
type place struct {
	dc   types.ManagedObjectReference
	name string
}

// inventoryPath is an entity's path of escaped names below the root folder, without a slash before it.
func (s *server) inventoryPath(ref types.ManagedObjectReference) string {
	var names []string
	for {
		e, ok := s.reg.Get(ref).(mo.Entity)
		if !ok || e.Entity().Parent == nil {
			return strings.Join(names, "/")
		}
		names = slices.Insert(names, 0, e.Entity().Name)
		ref = *e.Entity().Parent
	}
}
