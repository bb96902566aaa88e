package main

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/vpx"
	"github.com/vmware/govmomi/vim25/types"
)

// server is one simulated vCenter with its hosts.
type server struct {
	options
	scenario   *Scenario
	svc        *simulator.Service
	reg        *simulator.Registry
	tls        *tls.Config
	thumbprint string // SHA-1 of the certificate as HttpNfcLeaseDeviceUrl.sslThumbprint has it
	port       string
	log        *requestLog
	tickets    tickets
	accounts   accounts
	access     access
	leases     leases
	exports    sync.Map          // *exportLease by the id in its URLs
	stores     map[string]*store // by the name of newStore; fixed after newServer
	places     map[place]*store
	byRef      map[types.ManagedObjectReference]*store
	hosts      map[string]types.ManagedObjectReference
	addresses  map[string][]string                    // address: host names
	wires      map[types.ManagedObjectReference]*wire // of hosts whose pulls have a bandwidth; fixed after newServer
	placing    sync.Mutex                             // one placement decision at a time
	creating   sync.Map                               // "<folder>/<name>" of VMs that are being made
	halves     sync.Map                               // "<source>\n<destination>" of moves that a rule stops half-way

	rules        rules
	running      *running
	calls        *calls
	unregistered unregistered
	parts        map[string]types.ManagedObjectReference // of all hosts, by type

	mux        *http.ServeMux
	rest       http.Handler // tags and content libraries
	otherPaths []string     // paths of the other services; one that ends with a slash is that of a tree
	soapPaths  []string     // of these, who speaks SOAP
	listeners  []*http.Server
	failed     chan error
}

// newServer loads the scenario and builds the inventory. It does not listen yet.
func newServer(o options) (s *server, err error) {
	s = &server{options: o, failed: make(chan error, 1), tickets: newTickets(), running: newRunning(), calls: newCalls(), stores: map[string]*store{}, places: map[place]*store{},
		byRef: map[types.ManagedObjectReference]*store{},
		hosts: map[string]types.ManagedObjectReference{}, wires: map[types.ManagedObjectReference]*wire{}}
	if s.scenario, err = loadScenario(o.scenario, o.profile); err != nil {
		return nil, err
	}
	if _, s.port, err = net.SplitHostPort(o.listen); err != nil {
		return nil, fmt.Errorf("-listen: %w", err)
	}
	if o.hostListeners {
		if s.addresses, err = s.scenario.listenAddresses(); err != nil {
			return nil, err
		}
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return nil, err
	}
	s.tls = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	s.thumbprint = strings.ReplaceAll(fmt.Sprintf("% X", sha1.Sum(pair.Certificate[0])), " ", ":")
	for _, name := range wsdlFiles {
		if _, err := os.Stat(filepath.Join(o.wsdl, name)); err != nil {
			return nil, fmt.Errorf("-wsdl: %w (make it with gen_wsdl.py)", err)
		}
	}
	if s.log, err = newRequestLog(o.requestLog); err != nil {
		return nil, err
	}
	if err := s.build(); err != nil {
		s.log.close()
		return nil, err
	}
	s.routes()
	return s, nil
}

// build makes the inventory and installs our methods.
func (s *server) build() error {
	ctx := simulator.NewContext()
	content := vpx.ServiceContent
	s.setAbout(&content.About)
	ctx, instance := simulator.NewServiceInstance(ctx, content, vpx.RootFolder)
	s.setAbout(&instance.Content.About) // NewServiceInstance has put a random instanceUuid into its own copy
	s.svc = simulator.New(ctx, instance)
	s.reg = ctx.Map
	vc := s.scenario.VCenter
	s.svc.Listen = &url.URL{Scheme: "https", Host: s.listen, Path: "/sdk", User: url.UserPassword(vc.Username, vc.Password)}
	s.reg.SessionManager().ServiceHostName = s.listen
	s.accounts.set(vc.Username, vc.Password)
	s.reg.SessionManager().ValidLogin = s.accounts.login
	s.svc.RegisterSDK(s.reg, s.reg.Path+"/vimService")
	s.reg.AddHandler(&taskWatcher{s: s})
	if err := s.loadInventory(ctx); err != nil {
		return err
	}
	if err := s.loadAccounts(ctx); err != nil {
		return err
	}
	s.installMethods()
	return nil
}

func (s *server) setAbout(a *types.AboutInfo) {
	vc := s.scenario.VCenter
	a.Name, a.Version, a.ApiVersion = "VMware vCenter Server", vc.Version, vc.Version+".0"
	setDefault(&vc.Build, a.Build)
	a.Build = vc.Build
	a.FullName = fmt.Sprintf("VMware vCenter Server %s build-%s (vcsim)", vc.Version, a.Build)
	a.InstanceUuid = vc.InstanceUUID
}

// routes are the paths of a vCenter that somebody uses.
func (s *server) routes() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("/sdk", s.svc.ServeSDK)
	s.mux.HandleFunc("/sdk/vimService", s.svc.ServeSDK)
	s.mux.HandleFunc("GET /sdk/vimServiceVersions.xml", s.serviceVersions)
	for _, name := range wsdlFiles {
		s.mux.HandleFunc("GET /sdk/"+name, s.serveWSDL)
	}
	s.mux.HandleFunc("/folder/", s.serveFolder)
	s.mux.HandleFunc("/nfc/", s.serveNFC)
	s.addEndpoints()
}

// start listens on the control socket, on the vCenter's address and on the hosts'.
func (s *server) start() error {
	if s.control != "" {
		if err := s.startControl(); err != nil {
			return err
		}
	}
	if err := s.listenOn(s.listen, nil); err != nil {
		return err
	}
	for address, names := range s.addresses {
		if err := s.listenOn(net.JoinHostPort(address, s.port), names); err != nil {
			return err
		}
	}
	return nil
}

// listenOn serves one address: the vCenter's when hosts is nil.
func (s *server) listenOn(address string, hosts []string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	hs := &http.Server{
		Handler: s.handler(hosts), ReadHeaderTimeout: time.Minute,
		// A client that hangs up, or does not trust our CA, is no event for the simulator's log.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	if hosts == nil {
		hs.ConnState = s.connState
	}
	// HTTP/1.1 only, as a vCenter's and a host's /folder and /sdk.
	s.serve(hs, tls.NewListener(l, s.tls))
	return nil
}

// serve serves a listener until close.
func (s *server) serve(hs *http.Server, l net.Listener) {
	s.listeners = append(s.listeners, hs)
	go func() {
		if err := hs.Serve(l); err != http.ErrServerClosed {
			select {
			case s.failed <- err:
			default:
			}
		}
	}()
}

// close ends the listeners; requests under way get two seconds.
func (s *server) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for _, l := range s.listeners {
		wg.Go(func() {
			if l.Shutdown(ctx) != nil {
				_ = l.Close()
			}
		})
	}
	wg.Wait()
	s.log.close()
}
