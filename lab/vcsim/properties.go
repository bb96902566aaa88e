package main

import (
	"path"
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// propertyCollector is PropertyCollector (gaps 8, 11, 15; API: PropertyCollector, TraversalSpec).
//
// It walks the traversal itself and hands the simulator a flat list of objects. The simulator follows a
// TraversalSpec whatever the object's type; oslo.vmware's recursive one (oslo_vmware/vim_util.py
// build_recursive_traversal_spec) then leads from a pool to its VM and back for ever, and the process dies of it.
//
// Before the read it brings up to date what derives from other things: free space, a host's load, a cluster's sums.
type propertyCollector struct{ own }

// base is the session's own collector, which the simulator makes.
func (p *propertyCollector) base(ctx *simulator.Context, this types.ManagedObjectReference) mo.Reference {
	if ctx.Session != nil {
		return ctx.Session.Get(this)
	}
	return p.reg.Get(this)
}

type collector interface {
	RetrievePropertiesEx(*simulator.Context, *types.RetrievePropertiesEx) soap.HasFault
	ContinueRetrievePropertiesEx(*simulator.Context, *types.ContinueRetrievePropertiesEx) soap.HasFault
}

// FetchResponse is the answer to Fetch; the type's name is the element's.
type FetchResponse struct {
	Returnval types.AnyType `xml:"returnval,typeattr"`
}

type fetchBody struct {
	Res    *FetchResponse `xml:"FetchResponse,omitempty"`
	Fault_ *soap.Fault    `xml:"http://schemas.xmlsoap.org/soap/envelope/ Fault,omitempty"`
}

// Fault implements soap.HasFault.
func (b *fetchBody) Fault() *soap.Fault { return b.Fault_ }

// Fetch reads one property of one object; pyVmomi reads so when a property is touched (pyVmomi/SoapAdapter.py
// InvokeAccessor). An unset property is an empty answer. The API's documentation leaves the method out, and the
// simulator keeps the request's type to itself.
func (p *propertyCollector) Fetch(ctx *simulator.Context, req any) soap.HasFault {
	r := reflect.ValueOf(req).Elem()
	ref, _ := r.FieldByName("This").Interface().(types.ManagedObjectReference)
	pc := p.reg.Get(simulatorInstance).(*simulator.ServiceInstance).Content.PropertyCollector
	res := p.RetrievePropertiesEx(ctx, &types.RetrievePropertiesEx{This: pc, SpecSet: []types.PropertyFilterSpec{{
		PropSet:   []types.PropertySpec{{Type: ref.Type, PathSet: []string{r.FieldByName("Prop").String()}}},
		ObjectSet: []types.ObjectSpec{{Obj: ref}}}}})
	body, ok := res.(*methods.RetrievePropertiesExBody)
	if !ok || body.Fault_ != nil {
		return &fetchBody{Fault_: res.Fault()}
	}
	out := &fetchBody{Res: new(FetchResponse)}
	for _, obj := range body.Res.Returnval.Objects {
		for _, missing := range obj.MissingSet {
			return &fetchBody{Fault_: simulator.Fault(missing.Fault.LocalizedMessage, missing.Fault.Fault)}
		}
		for _, prop := range obj.PropSet {
			out.Res.Returnval = prop.Val
		}
	}
	return out
}

// RetrievePropertiesEx reads properties.
func (p *propertyCollector) RetrievePropertiesEx(ctx *simulator.Context, req *types.RetrievePropertiesEx) soap.HasFault {
	specs, fault := p.flatten(ctx, req.SpecSet)
	if fault != nil {
		return &methods.RetrievePropertiesExBody{Fault_: simulator.Fault(
			"The object has already been deleted or has not been completely created", fault)}
	}
	c, ok := p.base(ctx, req.This).(collector)
	if !ok {
		return &methods.RetrievePropertiesExBody{Fault_: soapFault(&types.ManagedObjectNotFound{Obj: req.This})}
	}
	flat := *req
	flat.SpecSet = specs
	body := c.RetrievePropertiesEx(ctx, &flat)
	if b, ok := body.(*methods.RetrievePropertiesExBody); ok && b.Res != nil && b.Res.Returnval != nil {
		p.present(ctx, b.Res.Returnval.Objects)
	}
	return body
}

// ContinueRetrievePropertiesEx gives the next page.
func (p *propertyCollector) ContinueRetrievePropertiesEx(ctx *simulator.Context, req *types.ContinueRetrievePropertiesEx) soap.HasFault {
	c, ok := p.base(ctx, req.This).(collector)
	if !ok {
		return &methods.ContinueRetrievePropertiesExBody{Fault_: soapFault(&types.ManagedObjectNotFound{Obj: req.This})}
	}
	body := c.ContinueRetrievePropertiesEx(ctx, req)
	if b, ok := body.(*methods.ContinueRetrievePropertiesExBody); ok && b.Res != nil {
		p.present(ctx, b.Res.Returnval.Objects)
	}
	return body
}

// RetrieveProperties is RetrievePropertiesEx without pages, for old clients.
func (p *propertyCollector) RetrieveProperties(ctx *simulator.Context, req *types.RetrieveProperties) soap.HasFault {
	body := new(methods.RetrievePropertiesBody)
	switch b := p.RetrievePropertiesEx(ctx, &types.RetrievePropertiesEx{This: req.This, SpecSet: req.SpecSet}).(type) {
	case *methods.RetrievePropertiesExBody:
		if body.Fault_ = b.Fault_; b.Res != nil {
			body.Res = new(types.RetrievePropertiesResponse)
			if b.Res.Returnval != nil {
				body.Res.Returnval = b.Res.Returnval.Objects
			}
		}
	}
	return body
}

// CreateFilter replaces a traversal that can come back to where it was by the objects that it finds now.
func (p *propertyCollector) CreateFilter(ctx *simulator.Context, req *types.CreateFilter) soap.HasFault {
	c, ok := p.base(ctx, req.This).(interface {
		CreateFilter(*simulator.Context, *types.CreateFilter) soap.HasFault
	})
	if !ok {
		return &methods.CreateFilterBody{Fault_: soapFault(&types.ManagedObjectNotFound{Obj: req.This})}
	}
	for i := range req.Spec.ObjectSet {
		if recursive(req.Spec.ObjectSet[i].SelectSet, nil) {
			specs, fault := p.flatten(ctx, []types.PropertyFilterSpec{req.Spec})
			if fault != nil {
				return &methods.CreateFilterBody{Fault_: soapFault(fault)}
			}
			req.Spec = specs[0]
			break
		}
	}
	return c.CreateFilter(ctx, req)
}

// waiter is the session's own collector where it waits for updates.
type waiter interface {
	WaitForUpdatesEx(*simulator.Context, *types.WaitForUpdatesEx) soap.HasFault
}

// WaitForUpdatesEx tells changes of what the account may read.
func (p *propertyCollector) WaitForUpdatesEx(ctx *simulator.Context, req *types.WaitForUpdatesEx) soap.HasFault {
	c, ok := p.base(ctx, req.This).(waiter)
	if !ok {
		return &methods.WaitForUpdatesExBody{Fault_: soapFault(&types.ManagedObjectNotFound{Obj: req.This})}
	}
	body := c.WaitForUpdatesEx(ctx, req)
	if b, ok := body.(*methods.WaitForUpdatesExBody); ok && b.Res != nil && b.Res.Returnval != nil {
		p.rightsOf(ctx.Session.UserName).hideUpdates(b.Res.Returnval.FilterSet)
		p.presentNamespacesIn(b.Res.Returnval.FilterSet)
	}
	return body
}

// WaitForUpdates is WaitForUpdatesEx without options, for old clients.
func (p *propertyCollector) WaitForUpdates(ctx *simulator.Context, req *types.WaitForUpdates) soap.HasFault {
	body := new(methods.WaitForUpdatesBody)
	res := p.WaitForUpdatesEx(ctx, &types.WaitForUpdatesEx{This: req.This, Version: req.Version})
	if body.Fault_ = res.Fault(); body.Fault_ == nil {
		body.Res = new(types.WaitForUpdatesResponse)
		if b, ok := res.(*methods.WaitForUpdatesExBody); ok && b.Res.Returnval != nil {
			body.Res.Returnval = *b.Res.Returnval
		}
	}
	return body
}

// recursive says whether a selection names one that it is below.
func recursive(set []types.BaseSelectionSpec, above []string) bool {
	for _, ss := range set {
		ts, ok := ss.(*types.TraversalSpec)
		if !ok {
			return true // a name only: that of some traversal, above or beside
		}
		if recursive(ts.SelectSet, above) {
			return true
		}
	}
	return false
}

// flatten finds the objects that each spec selects and brings them up to date.
func (p *propertyCollector) flatten(ctx *simulator.Context, specs []types.PropertyFilterSpec) ([]types.PropertyFilterSpec, types.BaseMethodFault) {
	var out []types.PropertyFilterSpec
	for _, spec := range specs {
		w := walker{p: p, ctx: ctx, named: map[string]*types.TraversalSpec{}, seen: map[step]bool{}, have: map[types.ManagedObjectReference]bool{}}
		if ctx.Session != nil {
			if r := p.rightsOf(ctx.Session.UserName); !r.all {
				w.rights = r
			}
		}
		missing := spec.ReportMissingObjectsInResults != nil && *spec.ReportMissingObjectsInResults
		for _, o := range spec.ObjectSet {
			obj := w.get(o.Obj)
			if obj == nil {
				if missing {
					continue
				}
				return nil, &types.ManagedObjectNotFound{Obj: o.Obj}
			}
			if o.Skip == nil || !*o.Skip || o.SelectSet == nil {
				w.add(o.Obj)
			}
			if fault := w.walk(o.Obj, o.SelectSet); fault != nil {
				return nil, fault
			}
		}
		p.refresh(ctx, w.refs, spec.PropSet)
		flat := types.PropertyFilterSpec{PropSet: spec.PropSet, ReportMissingObjectsInResults: types.NewBool(true)}
		for _, ref := range w.refs {
			flat.ObjectSet = append(flat.ObjectSet, types.ObjectSpec{Obj: ref, Skip: types.NewBool(false)})
		}
		out = append(out, flat)
	}
	return out, nil
}

// step is a traversal from an object: it is taken once.
type step struct {
	from types.ManagedObjectReference
	by   *types.TraversalSpec
}

type walker struct {
	p     *propertyCollector
	ctx   *simulator.Context
	named map[string]*types.TraversalSpec
	seen  map[step]bool
	have  map[types.ManagedObjectReference]bool
	refs  []types.ManagedObjectReference
	// rights are those of an account that may not do everything.
	rights *rights
}

func (w *walker) get(ref types.ManagedObjectReference) mo.Reference {
	if w.ctx.Session != nil {
		return w.ctx.Session.Get(ref)
	}
	return w.p.reg.Get(ref)
}

func (w *walker) add(ref types.ManagedObjectReference) {
	if !w.have[ref] {
		w.have[ref] = true
		w.refs = append(w.refs, ref)
	}
}

func (w *walker) walk(from types.ManagedObjectReference, set []types.BaseSelectionSpec) types.BaseMethodFault {
	for _, ss := range set {
		if ts, ok := ss.(*types.TraversalSpec); ok && ts.Name != "" {
			w.named[ts.Name] = ts
		}
	}
	for _, ss := range set {
		ts, ok := ss.(*types.TraversalSpec)
		if !ok {
			if ts = w.named[ss.GetSelectionSpec().Name]; ts == nil {
				return &types.InvalidArgument{InvalidProperty: "selectSet"}
			}
		}
		if w.seen[step{from, ts}] {
			continue
		}
		w.seen[step{from, ts}] = true
		for _, ref := range w.refsAt(from, ts) {
			if w.get(ref) == nil {
				continue
			}
			if ts.Skip == nil || !*ts.Skip {
				w.add(ref)
			}
			if fault := w.walk(ref, ts.SelectSet); fault != nil {
				return fault
			}
		}
	}
	return nil
}

// refsAt reads the references at a traversal's path, when the object is of the traversal's type.
func (w *walker) refsAt(from types.ManagedObjectReference, ts *types.TraversalSpec) (refs []types.ManagedObjectReference) {
	obj := w.get(from)
	if obj == nil || w.rights != nil && !w.rights.mayFollow(from, ts.Path) {
		return nil
	}
	w.ctx.WithLock(from, func() {
		v := managed(obj)
		if !isA(from, v.Type(), ts.Type) {
			return
		}
		for _, name := range strings.Split(ts.Path, ".") {
			for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
				if v.IsNil() {
					return
				}
				v = v.Elem()
			}
			if v.Kind() != reflect.Struct || name == "" {
				return
			}
			if v = v.FieldByName(strings.ToUpper(name[:1]) + name[1:]); !v.IsValid() {
				return
			}
		}
		switch x := v.Interface().(type) {
		case types.ManagedObjectReference:
			refs = append(refs, x)
		case *types.ManagedObjectReference:
			if x != nil {
				refs = append(refs, *x)
			}
		case []types.ManagedObjectReference:
			refs = append(refs, x...)
		}
	})
	if w.rights != nil && listsVisible(from.Type, ts.Path) {
		refs = w.rights.visible(refs)
	}
	return refs
}

// managed is the API's struct (package mo) in one of the simulator's objects.
func managed(obj mo.Reference) reflect.Value {
	if o, ok := obj.(interface{ Get() mo.Reference }); ok {
		obj = o.Get()
	}
	v := reflect.ValueOf(obj).Elem()
	for path.Base(v.Type().PkgPath()) != "mo" && v.Kind() == reflect.Struct && v.NumField() > 0 {
		if v = v.Field(0); v.Kind() == reflect.Pointer {
			v = v.Elem()
		}
	}
	return v
}

// isA says whether an object is of the named type or of one that extends it.
func isA(ref types.ManagedObjectReference, t reflect.Type, name string) bool {
	if name == ref.Type || name == t.Name() || name == "ManagedObject" {
		return true
	}
	f, ok := t.FieldByName(name)
	return ok && f.Anonymous
}

// refresh brings objects up to date whose summary or info is asked for.
func (p *propertyCollector) refresh(ctx *simulator.Context, refs []types.ManagedObjectReference, set []types.PropertySpec) {
	asked := false
	for _, s := range set {
		asked = asked || s.All != nil && *s.All
		for _, name := range s.PathSet {
			asked = asked || strings.HasPrefix(name, "summary") || strings.HasPrefix(name, "info")
		}
	}
	if !asked {
		return
	}
	for _, ref := range refs {
		p.refreshOne(ctx, ref)
	}
}

// refreshOne brings one object up to date.
func (s *server) refreshOne(ctx *simulator.Context, ref types.ManagedObjectReference) {
	switch obj := s.reg.Get(ref).(type) {
	case *simulator.Datastore:
		if st := s.storeOf(ref); st != nil {
			free := st.freeSpace()
			ctx.WithLock(obj, func() {
				obj.Summary.FreeSpace = free
				obj.Info.GetDatastoreInfo().FreeSpace = free
			})
		}
	case *simulator.HostSystem:
		s.refreshHost(ctx, obj)
	case *simulator.ClusterComputeResource:
		s.refreshCluster(ctx, obj)
	case *simulator.VirtualMachine:
		s.refreshVM(ctx, obj)
	}
}

// present replaces what the simulator needs in a datastore's properties by what vSphere shows: url and, for vsan,
// type. The values are copies. What the account may not read is taken out.
func (p *propertyCollector) present(ctx *simulator.Context, objects []types.ObjectContent) {
	if ctx.Session != nil {
		p.rightsOf(ctx.Session.UserName).hide(objects)
	}
	p.presentNamespaces(objects)
	for i := range objects {
		if objects[i].Obj.Type != "Datastore" {
			continue
		}
		st := p.storeOf(objects[i].Obj)
		if st == nil {
			continue
		}
		for j := range objects[i].PropSet {
			prop := &objects[i].PropSet[j]
			prop.Val = st.present(prop.Name, prop.Val)
		}
	}
}

// storeOf is the datastore of a Datastore object, nil when it is none of ours.
func (s *server) storeOf(ref types.ManagedObjectReference) *store { return s.byRef[ref] }

func (st *store) present(name string, val types.AnyType) types.AnyType {
	switch name {
	case "summary.url", "info.url":
		return st.url
	case "summary.type":
		return st.Type
	case "summary":
		switch v := val.(type) {
		case types.DatastoreSummary:
			v.Url, v.Type = st.url, st.Type
			return v
		case *types.DatastoreSummary:
			v.Url, v.Type = st.url, st.Type
		}
	case "info":
		if v, ok := val.(types.BaseDatastoreInfo); ok {
			v.GetDatastoreInfo().Url = st.url
			return v
		}
		v := reflect.New(reflect.TypeOf(val))
		v.Elem().Set(reflect.ValueOf(val))
		if info, ok := v.Interface().(types.BaseDatastoreInfo); ok {
			info.GetDatastoreInfo().Url = st.url
			return v.Elem().Interface()
		}
	}
	return val
}
