package main

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	neturl "net/url"
	"os"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Gap 8: import leases (API: ResourcePool.ImportVApp, HttpNfcLease. Nova: nova/virt/vmwareapi/images.py
// fetch_image_stream_optimized; oslo_vmware/rw_handles.py VmdkWriteHandle). The bytes are kept: a streamOptimized
// upload becomes the VM's disk, another file what the VM's CD-ROM has. A lease that is aborted, or not completed before its timeout or the
// end of its session, takes VM and files away ("this involves removing the created inventory objects", which takes its time).

// leases are the open leases by the id in their URLs, which is their authorization.
type leases struct {
	mu   sync.Mutex
	open map[string]*lease
}

// lease is one import.
type lease struct {
	mo.HttpNfcLease
	s     *server
	ctx   *simulator.Context
	id    string
	timer *time.Timer

	mu     sync.Mutex
	active int // uploads under way
	vm     *simulator.VirtualMachine
	host   types.ManagedObjectReference // whose URLs they are
	disks  map[string]*upload           // by the name in the URL
	phase  types.HttpNfcLeaseState      // State is the simulator's to lock
	stop   context.CancelFunc           // ends a pull under way
}

// upload is one disk of a lease, or another file of its VM.
type upload struct {
	key   string // in the lease's URLs, as is importKey
	desc  file
	disk  bool
	kind  diskKind
	eager bool  // zeroed before it takes anything
	size  int64 // bytes received
	sha1  string
	done  bool

	importKey string
	pulled    bool
	sha256    string
	checksum  string // what the client asked the manifest to have: sha1 or sha256
}

// leaseTimeout is how long a lease lives without progress (vSphere: 300 s; HttpNfcLeaseInfo.leaseTimeout).
const leaseTimeout = 300 * time.Second

// leaseRemoval is how long a lease's VM and files are still there after it has ended, with lease_abort: later.
const leaseRemoval = 3 * time.Second

// ImportVApp creates the VM and a lease for the upload of its disks.
func (m *poolMethods) ImportVApp(ctx *simulator.Context, req *types.ImportVApp) soap.HasFault {
	body := new(methods.ImportVAppBody)
	spec, ok := req.Spec.(*types.VirtualMachineImportSpec)
	if !ok {
		body.Fault_ = soapFault(&types.InvalidArgument{InvalidProperty: "spec"})
		return body
	}
	folder := req.Folder
	if folder == nil {
		dc, ok := m.reg.Get(m.datacenterOf(req.This)).(*simulator.Datacenter)
		if !ok {
			body.Fault_ = soapFault(&types.ManagedObjectNotFound{Obj: req.This})
			return body
		}
		folder = &dc.VmFolder
	}
	l := &lease{s: m.server, ctx: m.newContext(ctx), id: uuid.NewString(), disks: map[string]*upload{}}
	l.Self.Type = "HttpNfcLease"
	l.State = types.HttpNfcLeaseStateInitializing
	l.Mode, l.Capabilities.PullModeSupported = string(types.HttpNfcLeaseModePushOrGet), m.pulls()
	ref := ctx.Session.Put(l).Reference()
	m.leases.mu.Lock()
	if m.leases.open == nil {
		m.leases.open = map[string]*lease{}
	}
	m.leases.open[l.id] = l
	m.leases.mu.Unlock()
	go l.initialize(*folder, req, spec)
	go l.watch()
	body.Res = &types.ImportVAppResponse{Returnval: ref}
	return body
}

// initialize creates the VM and makes the lease ready, or puts it into the error state.
func (l *lease) initialize(folder types.ManagedObjectReference, req *types.ImportVApp, spec *types.VirtualMachineImportSpec) {
	ctx, config := l.ctx, spec.ConfigSpec
	defer l.s.guard("ImportVApp of "+req.This.Type+":"+req.This.Value, ctx, func(fault types.BaseMethodFault) { l.fail(l.s.newContext(ctx), fault) })
	ref, fault := l.s.createVM(ctx, folder, req.This, req.Host, &config)
	if fault != nil {
		l.fail(ctx, fault)
		return
	}
	vm := l.s.reg.Get(ref).(*simulator.VirtualMachine)
	dc := l.s.datacenterOf(folder)
	info := &types.HttpNfcLeaseInfo{Lease: l.Self, Entity: ref, LeaseTimeout: int32(leaseTimeout.Seconds())}
	var devices object.VirtualDeviceList
	var host types.ManagedObjectReference
	ctx.WithLock(vm, func() { devices, host = vm.Config.Hardware.Device, *vm.Runtime.Host })
	l.mu.Lock()
	l.vm, l.host = vm, host
	for _, d := range devices {
		chain := backingChain(d.GetVirtualDevice().Backing)
		if len(chain) == 0 {
			continue
		}
		f, fault := l.s.resolve(&dc, chain[0])
		disk, isDisk := d.(*types.VirtualDisk)
		if fault != nil || !isDisk && f.exists() {
			continue
		}
		name := path.Base(f.rel)
		u := &upload{desc: f, disk: isDisk}
		if isDisk {
			info.TotalDiskCapacityInKB += disk.CapacityInKB
			if d, err := openDisk(f); err == nil {
				u.kind = d.kind
			}
			if b, ok := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok {
				u.eager = b.EagerlyScrub != nil && *b.EagerlyScrub && !u.kind.thin
			}
		}
		l.disks[name] = u
		place := devicePlace(devices, d)
		u.key, u.importKey = "/"+ref.Value+place, "/"+spec.ConfigSpec.Name+place
		url := types.HttpNfcLeaseDeviceUrl{Key: u.key, ImportKey: u.importKey,
			Url:  fmt.Sprintf("https://%s/nfc/%s/%s", l.s.addressOf(host), l.id, neturl.PathEscape(name)),
			Disk: types.NewBool(isDisk), TargetId: name, DatastoreKey: f.url}
		l.s.nameCertificateOfURL(&url)
		info.DeviceUrl = append(info.DeviceUrl, url)
	}
	l.phase = types.HttpNfcLeaseStateReady
	l.timer = time.AfterFunc(leaseTimeout, func() {
		l.abort(l.s.newContext(ctx), &types.Timedout{})
	})
	l.mu.Unlock()
	l.set(ctx, "info", info)
	l.set(ctx, "state", types.HttpNfcLeaseStateReady)
}

// devicePlace is a device's part of an import key: controller, bus and unit, as vSphere has it: /VirtualLsiLogicController0:0.
func devicePlace(devices object.VirtualDeviceList, d types.BaseVirtualDevice) string {
	at := d.GetVirtualDevice()
	kind, bus, unit := "VirtualController", int32(0), int32(0)
	if c, ok := devices.FindByKey(at.ControllerKey).(types.BaseVirtualController); ok {
		kind, bus = typeName(c), c.GetVirtualController().BusNumber
	}
	if at.UnitNumber != nil {
		unit = *at.UnitNumber
	}
	return fmt.Sprintf("/%s%d:%d", kind, bus, unit)
}

// nameCertificate tells in a ticket which certificate the host has (API: SessionManagerGenericServiceTicket).
func (s *server) nameCertificate(t *types.SessionManagerGenericServiceTicket) {
	der := s.tls.Certificates[0].Certificate[0]
	switch s.scenario.VCenter.Behaviour.HostCertificate {
	case "sslThumbprint":
		t.SslThumbprint = s.thumbprint
	case "certThumbprintList":
		sum := strings.ReplaceAll(fmt.Sprintf("% X", sha256.Sum256(der)), " ", ":")
		t.CertThumbprintList = []types.VirtualMachineCertThumbprint{{Thumbprint: sum, HashAlgorithm: "sha256"}}
	case "sslCertificate":
		t.SslCertificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
}

// nameCertificateOfURL does so in a lease's URL, which has no certThumbprintList (API: HttpNfcLeaseDeviceUrl).
func (s *server) nameCertificateOfURL(u *types.HttpNfcLeaseDeviceUrl) {
	var t types.SessionManagerGenericServiceTicket
	s.nameCertificate(&t)
	u.SslThumbprint, u.SslCertificate = t.SslThumbprint, t.SslCertificate
	if t.CertThumbprintList != nil {
		u.SslThumbprint = s.thumbprint
	}
}

// watch ends the lease with its session: a lease is an object of its session (its id is "session[...]...").
func (l *lease) watch() {
	for range time.Tick(time.Second) {
		l.s.leases.mu.Lock()
		open := l.s.leases.open[l.id] == l
		l.s.leases.mu.Unlock()
		if !open {
			return
		}
		if !l.s.sessionLives(l.ctx.Session) {
			l.abort(l.s.newContext(l.ctx), &types.RequestCanceled{})
			return
		}
	}
}

// sessionLives says whether a session has not ended.
func (s *server) sessionLives(session *simulator.Session) bool {
	s.running.mu.Lock()
	ended := s.running.ended[session.Key]
	s.running.mu.Unlock()
	body := s.reg.SessionManager().SessionIsActive(&simulator.Context{Map: s.reg}, &types.SessionIsActive{SessionID: session.Key, UserName: session.UserName})
	return !ended && body.(*methods.SessionIsActiveBody).Res.Returnval
}

// addressOf is host:port at which a host takes uploads: the vCenter's when hosts have no listeners.
func (s *server) addressOf(host types.ManagedObjectReference) string {
	for address, names := range s.addresses {
		for _, n := range names {
			if s.hosts[n] == host {
				return net.JoinHostPort(address, s.port)
			}
		}
	}
	return s.listen
}

// set changes one of the lease's properties. In one of the lease's methods ctx is the call's, which holds the lock.
func (l *lease) set(ctx *simulator.Context, name string, val any) {
	l.s.reg.AtomicUpdate(ctx, l, []types.PropertyChange{{Name: name, Val: val}})
}

// fail puts the lease into the error state.
func (l *lease) fail(ctx *simulator.Context, fault types.BaseMethodFault) {
	l.mu.Lock()
	l.phase = types.HttpNfcLeaseStateError
	l.mu.Unlock()
	l.set(ctx, "error", &types.LocalizedMethodFault{Fault: fault, LocalizedMessage: faultMessage(fault)})
	l.set(ctx, "state", types.HttpNfcLeaseStateError)
}

// end takes the lease out of the open ones. It is false when somebody else has ended it.
func (l *lease) end() bool {
	l.s.leases.mu.Lock()
	defer l.s.leases.mu.Unlock()
	if l.s.leases.open[l.id] != l {
		return false
	}
	delete(l.s.leases.open, l.id)
	return true
}

// abort ends the lease, and removes the VM with its files: later, or with lease_abort: at_once before the lease is in the error state.
func (l *lease) abort(ctx *simulator.Context, fault types.BaseMethodFault) {
	if !l.end() {
		return
	}
	l.mu.Lock()
	vm := l.vm
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.stop != nil {
		l.stop()
	}
	l.mu.Unlock()
	remove := func() {
		defer l.s.guard("the end of a lease", l.ctx, nil)
		if vm == nil || l.s.reg.Get(vm.Self) == nil {
			return
		}
		if f := l.s.destroy(l.s.newContext(l.ctx), vm); f != nil {
			log.Printf("lease: %s", faultMessage(f))
		}
		l.s.changed()
	}
	if l.s.scenario.VCenter.Behaviour.LeaseAbort == "at_once" {
		remove()
	} else {
		time.AfterFunc(leaseRemoval, remove)
	}
	if fault != nil {
		l.fail(ctx, fault)
	}
}

// HttpNfcLeaseProgress keeps the lease alive.
func (l *lease) HttpNfcLeaseProgress(_ *simulator.Context, req *types.HttpNfcLeaseProgress) soap.HasFault {
	l.TransferProgress = req.Percent
	l.mu.Lock()
	if l.timer != nil {
		l.timer.Reset(leaseTimeout)
	}
	l.mu.Unlock()
	return &methods.HttpNfcLeaseProgressBody{Res: new(types.HttpNfcLeaseProgressResponse)}
}

// HttpNfcLeaseComplete ends the import, after uploads that are still being stored: oslo.vmware completes the lease
// without reading the answer to its upload (oslo_vmware/rw_handles.py VmdkWriteHandle.close). With a disk that did not come whole the lease goes to the error state and
// the VM is removed.
func (l *lease) HttpNfcLeaseComplete(ctx *simulator.Context, _ *types.HttpNfcLeaseComplete) soap.HasFault {
	for deadline := time.Now().Add(time.Minute); l.busy() && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	l.mu.Lock()
	whole := l.phase == types.HttpNfcLeaseStateReady
	for _, u := range l.disks {
		whole = whole && u.done
	}
	l.mu.Unlock()
	if !whole {
		fault := &types.InvalidState{}
		l.abort(ctx, fault)
		return &methods.HttpNfcLeaseCompleteBody{Fault_: soapFault(fault)}
	}
	l.end()
	l.mu.Lock()
	l.timer.Stop()
	l.mu.Unlock()
	l.set(ctx, "state", types.HttpNfcLeaseStateDone)
	return &methods.HttpNfcLeaseCompleteBody{Res: new(types.HttpNfcLeaseCompleteResponse)}
}

// HttpNfcLeaseAbort ends the import and removes the VM.
func (l *lease) HttpNfcLeaseAbort(ctx *simulator.Context, req *types.HttpNfcLeaseAbort) soap.HasFault {
	var fault types.BaseMethodFault = &types.RequestCanceled{}
	if req.Fault != nil && req.Fault.Fault != nil {
		fault = req.Fault.Fault
	}
	l.abort(ctx, fault)
	return &methods.HttpNfcLeaseAbortBody{Res: new(types.HttpNfcLeaseAbortResponse)}
}

// HttpNfcLeaseGetManifest tells size and checksums of what was uploaded; of what was pulled, only as pull_manifest says.
func (l *lease) HttpNfcLeaseGetManifest(_ *simulator.Context, _ *types.HttpNfcLeaseGetManifest) soap.HasFault {
	body := &methods.HttpNfcLeaseGetManifestBody{Res: new(types.HttpNfcLeaseGetManifestResponse)}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, u := range l.disks {
		if u.done && (!u.pulled || l.s.scenario.VCenter.Behaviour.PullManifest != "empty") {
			body.Res.Returnval = append(body.Res.Returnval, l.s.manifestEntry(u))
		}
	}
	return body
}

// serveNFC takes the upload of a lease's disk, or sends a disk of an export.
func (s *server) serveNFC(w http.ResponseWriter, r *http.Request) {
	if s.serveExport(w, r) {
		return
	}
	parts := strings.Split(r.URL.Path, "/") // "", "nfc", id, name
	if len(parts) != 4 {
		http.NotFound(w, r)
		return
	}
	s.leases.mu.Lock()
	l := s.leases.open[parts[2]]
	s.leases.mu.Unlock()
	if l == nil {
		http.NotFound(w, r)
		return
	}
	l.mu.Lock()
	u := l.disks[parts[3]]
	l.mu.Unlock()
	switch {
	case u == nil:
		http.NotFound(w, r)
	case r.Method != http.MethodPut && r.Method != http.MethodPost:
		http.Error(w, "405 Method Not Allowed", http.StatusMethodNotAllowed)
	case s.cryptoRefuses(l.ctx.Session.UserName, l.host):
		refuse(w, r, http.StatusInternalServerError, "500 Internal Server Error")
	default:
		l.count(1)
		err := l.receive(r.Context(), r.Body, r.ContentLength, u)
		l.count(-1)
		if err != nil {
			log.Printf("import of %s: %v", u.desc.name(), err)
			fault := storeFault(err)
			l.abort(s.newContext(l.ctx), fault)
			refuse(w, r, http.StatusInternalServerError, fmt.Sprintf("500 Internal Server Error: %s (%v)", faultMessage(fault), err))
			return
		}
		w.WriteHeader(http.StatusOK)
	}
}

func (l *lease) count(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active += n
}

// busy says whether an upload is under way.
func (l *lease) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active > 0
}

// noRoom says that an upload did not fit on its datastore.
type noRoom struct{ fault types.BaseMethodFault }

func (e *noRoom) Error() string { return faultMessage(e.fault) }

// storeFault is the fault for an upload that was not taken.
func storeFault(err error) types.BaseMethodFault {
	if full := new(noRoom); errors.As(err, &full) {
		return full.fault
	}
	return &types.InvalidDiskFormat{}
}

// receive stores an upload of length bytes, or of any number with -1, as the disk's content. A rule in ctx may shorten it.
func (l *lease) receive(ctx context.Context, body io.Reader, length int64, u *upload) error {
	tmp, err := os.CreateTemp(l.s.uploadsDir(), "nfc-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	sum, strong := sha1.New(), sha256.New()
	into := io.MultiWriter(tmp, sum)
	if u.pulled {
		into = io.MultiWriter(tmp, sum, strong)
	}
	n, err := io.CopyBuffer(into, struct{ io.Reader }{body}, make([]byte, 1<<20))
	if err == nil && length >= 0 && n != length {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if !u.disk {
		if err := shorten(ctx, tmp.Name()); err != nil {
			return err
		}
		if n > u.desc.freeSpace() {
			return &noRoom{noSpace(u.desc)}
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if err := os.Rename(tmp.Name(), u.desc.path()); err != nil {
			return err
		}
		u.size, u.sha1, u.sha256, u.done = n, hex.EncodeToString(sum.Sum(nil)), hex.EncodeToString(strong.Sum(nil)), true
		l.s.changed()
		return nil
	}
	if err := checkStream(tmp.Name(), &l.s.scenario.VCenter.Behaviour); err != nil {
		return err
	}
	flat := tmp.Name() + ".flat"
	size, err := expandHosted(tmp.Name(), flat)
	if err != nil {
		return err
	}
	defer os.Remove(flat)
	if err := shorten(ctx, flat); err != nil {
		return err
	}
	need := size
	if info, err := os.Stat(flat); err == nil && u.kind.thin {
		need = allocated(info)
	}
	if info, err := os.Stat(u.desc.flat().path()); err == nil && !u.kind.thin {
		need -= info.Size() // it has that room already
		if u.eager {
			l.s.zero(max(0, need)) // beyond what was zeroed before the lease was ready
		}
	}
	if need > u.desc.freeSpace() {
		return &noRoom{noSpace(u.desc)}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err = os.Rename(flat, u.desc.flat().path()); err == nil {
		err = writeDescriptor(u.desc, size, u.kind, nil)
	}
	if err != nil {
		return err
	}
	setCapacity(l.s.newContext(l.ctx), l.vm, u.desc.name(), size)
	u.size, u.sha1, u.sha256, u.done = n, hex.EncodeToString(sum.Sum(nil)), hex.EncodeToString(strong.Sum(nil)), true
	l.s.changed()
	return nil
}
