package main

import (
	"bytes"
	"crypto/tls"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"github.com/vmware/govmomi/lookup"
	lookupsim "github.com/vmware/govmomi/lookup/simulator"
	pbmsim "github.com/vmware/govmomi/pbm/simulator"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/sts"
	stssim "github.com/vmware/govmomi/sts/simulator"
	vapisim "github.com/vmware/govmomi/vapi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
	vslmsim "github.com/vmware/govmomi/vslm/simulator"
	vslmtypes "github.com/vmware/govmomi/vslm/types"
)

// The other services of a vCenter are govmomi's: tags and content libraries (/rest, /api), storage policies (/pbm), first class disks
// (/vslm), tokens (/sts) and the list of services (/lookupservice). They take our accounts and are in the request log. Roles are not looked at.

// stsPath is where the token service is (simulator/vpx/setting.go, config.vpxd.sso.sts.uri).
const stsPath = sts.Path + "/vsphere.local"

// addEndpoints makes the other services, and says which paths are theirs.
func (s *server) addEndpoints() {
	base := &url.URL{Scheme: "https", Host: s.listen}
	var changes []types.BaseOptionValue
	for _, o := range s.reg.OptionManager().Setting { // as NewServer does: clients are told where the services are
		if o := o.GetOptionValue(); strings.HasSuffix(o.Key, ".uri") {
			if u, err := url.Parse(fmt.Sprint(o.Value)); err == nil {
				changes = append(changes, &types.OptionValue{Key: o.Key, Value: base.JoinPath(u.Path).String()})
			}
		}
	}
	changes = append(changes, &types.OptionValue{Key: "vcsim.server.url", Value: base.String()})
	s.reg.OptionManager().UpdateOptions(&types.UpdateOptions{ChangedValue: changes})
	s.reg.SessionManager().TLS = func() *tls.Config { return s.tls }

	paths, rest := vapisim.New(s.svc.Listen, s.reg)
	s.rest = rest
	for _, path := range paths {
		s.svc.Handle(path, rest)
	}
	for _, path := range []string{"/rest/", "/api/"} { // not /api alone: there the simulator gives anybody a session
		s.otherPaths = append(s.otherPaths, path)
		s.mux.HandleFunc(path, s.serveREST)
	}
	path, tokens := stssim.New(s.svc.Listen, s.reg.OptionManager().Setting)
	for _, p := range []string{path, sts.SystemPath} {
		s.otherPaths = append(s.otherPaths, p)
		s.mux.HandleFunc(p, s.serveTokens(tokens))
	}
	for _, reg := range []*simulator.Registry{pbmsim.New(), vslmsim.New(), lookupsim.New()} {
		alias := map[string]string{"/pbm": "/pbm/sdk"}[reg.Path] // pyVmomi's path
		if reg.Path != lookup.Path {
			reg.Handler = s.otherService
		}
		all := []string{reg.Path}
		if alias != "" {
			all = append(all, alias)
		}
		s.svc.RegisterSDK(reg, all[1:]...)
		for _, p := range all {
			s.otherPaths, s.soapPaths = append(s.otherPaths, p), append(s.soapPaths, p)
			s.mux.HandleFunc(p, s.svc.ServeSDK)
		}
	}
}

// otherService sees each call of the other SOAP services.
func (s *server) otherService(ctx *simulator.Context, m *simulator.Method) (mo.Reference, types.BaseMethodFault) {
	s.calls.note(ctx)
	switch req := m.Body.(type) {
	case *vslmtypes.VslmCreateDisk_Task:
		return nil, s.outside(req.Spec.BackingSpec)
	case *vslmtypes.VslmRegisterDisk:
		return nil, outsideURL(req.Path)
	}
	return nil, nil
}

// firstClassDisks is VcenterVStorageObjectManager's making of disks: the simulator makes one wherever its path leads.
type firstClassDisks struct{ own }

func (m *firstClassDisks) base(ref types.ManagedObjectReference) *simulator.VcenterVStorageObjectManager {
	base, _ := m.reg.Get(ref).(*simulator.VcenterVStorageObjectManager)
	return base
}

// CreateDiskTask makes a disk (API: VcenterVStorageObjectManager.CreateDisk_Task).
func (m *firstClassDisks) CreateDiskTask(ctx *simulator.Context, req *types.CreateDisk_Task) soap.HasFault {
	if fault := m.outside(req.Spec.BackingSpec); fault != nil {
		return &methods.CreateDisk_TaskBody{Fault_: soapFault(fault)}
	}
	return locked(ctx, req.This, func() soap.HasFault { return m.base(req.This).CreateDiskTask(ctx, req) })
}

// RegisterDisk takes a disk that is there (API: VcenterVStorageObjectManager.RegisterDisk).
func (m *firstClassDisks) RegisterDisk(ctx *simulator.Context, req *types.RegisterDisk) soap.HasFault {
	if fault := outsideURL(req.Path); fault != nil {
		return &methods.RegisterDiskBody{Fault_: soapFault(fault)}
	}
	return locked(ctx, req.This, func() soap.HasFault { return m.base(req.This).RegisterDisk(ctx, req) })
}

// outside is a fault for a path that leads out of its datastore.
func (s *server) outside(spec types.BaseVslmCreateSpecBackingSpec) types.BaseMethodFault {
	if spec == nil {
		return &types.InvalidArgument{InvalidProperty: "spec.backingSpec"}
	}
	at := spec.GetVslmCreateSpecBackingSpec()
	if _, ok := s.reg.Get(at.Datastore).(*simulator.Datastore); !ok {
		return &types.ManagedObjectNotFound{Obj: at.Datastore}
	}
	if _, ok := spec.(*types.VslmCreateSpecDiskFileBackingSpec); !ok {
		return &types.InvalidArgument{InvalidProperty: "spec.backingSpec"}
	}
	if _, ok := cleanRel(at.Path); !ok {
		return &types.InvalidDatastorePath{DatastorePath: at.Path}
	}
	return nil
}

func outsideURL(path string) types.BaseMethodFault {
	if u, err := url.Parse(path); err == nil {
		if _, ok := cleanRel(u.Path); ok {
			return nil
		}
	}
	return &types.InvalidArgument{InvalidProperty: "path"}
}

// otherEndpoint says whether a path is that of another service.
func (s *server) otherEndpoint(path string) bool {
	for _, p := range s.otherPaths {
		if path == p || strings.HasSuffix(p, "/") && strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// serveREST serves tags and content libraries. The simulator would fetch what a client names from anywhere, in the background; and take any
// token.
func (s *server) serveREST(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("Authorization"), "SIGN ") {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if strings.Contains(strings.ReplaceAll(r.URL.Path, "-", ""), "/updatesession/file") && r.Method == http.MethodPost {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil || bytes.Contains(body, []byte(`"PULL"`)) {
			vapisim.BadRequest(w, "com.vmware.vapi.std.errors.unsupported")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	s.rest.ServeHTTP(w, r)
	if r.Method != http.MethodGet {
		s.changed()
	}
}

// endREST ends the REST sessions.
func (s *server) endREST() {
	if l, ok := s.rest.(sync.Locker); ok {
		l.Lock()
		defer l.Unlock()
		if sessions := reflect.ValueOf(s.rest).Elem().FieldByName("Session"); sessions.IsValid() {
			sessions.Clear()
		}
	}
}

// serveTokens gives a token for an account of ours (API: WS-Trust, Issue). The simulator's token is always the same one, and anybody's.
func (s *server) serveTokens(tokens http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		var asked struct {
			User     string `xml:"Header>Security>UsernameToken>Username"`
			Password string `xml:"Header>Security>UsernameToken>Password"`
			Subject  string `xml:"Header>Security>Assertion>Subject>NameID"`
			Renewed  string `xml:"Body>RequestSecurityToken>RenewTarget>Assertion>Subject>NameID"`
		}
		if err == nil {
			err = xml.Unmarshal(body, &asked)
		}
		user := asked.User
		switch {
		case err != nil:
		case user != "" && s.accounts.take(user, asked.Password):
		case user == "" && s.accounts.is(asked.Subject):
			user = asked.Subject
		case user == "" && s.accounts.is(asked.Renewed):
			user = asked.Renewed
		default:
			err = fmt.Errorf("invalid credentials")
		}
		if err != nil {
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprintf(w, envelope, "<soapenv:Fault><faultcode>ns0:FailedAuthentication</faultcode><faultstring>Invalid credentials</faultstring></soapenv:Fault>")
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		var answer answered
		tokens.ServeHTTP(&answer, r)
		var name bytes.Buffer
		_ = xml.EscapeText(&name, []byte(user))
		w.WriteHeader(answer.status)
		_, _ = w.Write(bytes.ReplaceAll(answer.Bytes(), []byte("Administrator@VSPHERE.LOCAL"), name.Bytes()))
	}
}

// answered keeps an answer with its status.
type answered struct {
	recorded
	status int
}

func (a *answered) WriteHeader(status int) { a.status = status }

// noToken is the fault for a login with a token that is none of an account of ours.
func (s *server) noToken(ctx *simulator.Context, m *simulator.Method) types.BaseMethodFault {
	if m.Name != "LoginByToken" {
		return nil
	}
	var token struct {
		Subject string `xml:"Assertion>Subject>NameID"`
	}
	if e, ok := ctx.Header.Security.(*simulator.Element); ok {
		_ = e.Decode(&token)
	}
	if s.accounts.is(token.Subject) {
		return nil
	}
	return &types.InvalidLogin{}
}
