package main

import (
	"archive/tar"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	neturl "net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// Pull mode of import leases (API: HttpNfcLease.HttpNfcLeasePullFromUrls_Task, since vSphere API 6.7): the host of the lease fetches the files
// itself. It connects from its own address, so that the server that is asked sees who it was.

// httpClient is the firewall's ruleset that lets a host connect to web servers (community.vmware#2493 and VMware's articles on OVF deployment by
// URL name it). Without it a pull fails, and the error does not say so.
const httpClient = "httpClient"

// pullEntry is the method that the request log and rules have for what a host fetches.
const pullEntry = "PULL"

// pulls says whether the vCenter knows the pull mode: since 6.7.
func (s *server) pulls() bool { return s.atLeast(6, 7, 0) }

// atLeast compares the vCenter's version.
func (s *server) atLeast(want ...int) bool {
	for i, part := range strings.Split(s.scenario.VCenter.Version, ".") {
		n, err := strconv.Atoi(part)
		if err != nil || i >= len(want) {
			return true
		}
		if n != want[i] {
			return n > want[i]
		}
	}
	return true
}

// pulls is what both methods want.
func pulls(c *call) []need {
	l, ok := c.lease(c.this)
	if !ok {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.vm == nil {
		return nil
	}
	return []need{{l.vm.Self, "VApp.PullFromUrls"}}
}

// lease finds an open lease.
func (s *server) lease(ref types.ManagedObjectReference) (*lease, bool) {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	for _, l := range s.leases.open {
		if l.Self == ref {
			return l, true
		}
	}
	return nil, false
}

// HttpNfcLeaseProbeUrls tells for each file whether the host can connect to its server (since 7.0.2). Nobody is asked for the file.
func (l *lease) HttpNfcLeaseProbeUrls(_ *simulator.Context, req *types.HttpNfcLeaseProbeUrls) soap.HasFault {
	body := new(methods.HttpNfcLeaseProbeUrlsBody)
	if !l.s.atLeast(7, 0, 2) {
		body.Fault_ = soapFault(&types.MethodNotFound{Receiver: l.Self, Method: "HttpNfcLeaseProbeUrls"})
		return body
	}
	if fault := l.checkFiles(req.Files); fault != nil || req.Timeout < 0 || req.Timeout > 60 {
		if fault == nil {
			fault = &types.InvalidArgument{InvalidProperty: "timeout"}
		}
		body.Fault_ = soapFault(fault)
		return body
	}
	timeout := time.Duration(req.Timeout) * time.Second
	if timeout == 0 {
		timeout = 60 * time.Second
	}
	body.Res = new(types.HttpNfcLeaseProbeUrlsResponse)
	for _, f := range req.Files {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		reached := l.reaches(ctx, f)
		cancel()
		body.Res.Returnval = append(body.Res.Returnval, types.HttpNfcLeaseProbeResult{ServerAccessible: reached})
	}
	return body
}

// checkFiles gives the fault for files that no lease takes.
func (l *lease) checkFiles(files []types.HttpNfcLeaseSourceFile) types.BaseMethodFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.phase != types.HttpNfcLeaseStateReady {
		return &types.InvalidState{}
	}
	if len(files) == 0 {
		return &types.InvalidArgument{InvalidProperty: "files"}
	}
	for _, f := range files {
		u, err := neturl.Parse(f.Url)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			return &types.InvalidArgument{InvalidProperty: "files.url"}
		case f.SslThumbprint != "" && f.SslCertificate != "":
			return &types.InvalidArgument{InvalidProperty: "files.sslCertificate"} // "mutually exclusive"
		case f.SslCertificate != "" && !l.s.atLeast(9, 0, 0):
			return &types.InvalidArgument{InvalidProperty: "files.sslCertificate"}
		case l.target(f.TargetDeviceId) == nil:
			return &types.InvalidArgument{InvalidProperty: "files.targetDeviceId"}
		}
	}
	return nil
}

// target is the disk or file with an import key. The lease's lock is held.
func (l *lease) target(importKey string) *upload {
	for _, u := range l.disks {
		if u.importKey == importKey {
			return u
		}
	}
	return nil
}

// HttpNfcLeaseSetManifestChecksumType chooses the algorithm of a device's checksum in the manifest.
func (l *lease) HttpNfcLeaseSetManifestChecksumType(_ *simulator.Context, req *types.HttpNfcLeaseSetManifestChecksumType) soap.HasFault {
	body := new(methods.HttpNfcLeaseSetManifestChecksumTypeBody)
	l.mu.Lock()
	defer l.mu.Unlock()
	byKey := map[string]*upload{}
	for _, u := range l.disks {
		byKey[u.key] = u
	}
	for _, pair := range req.DeviceUrlsToChecksumTypes {
		if byKey[pair.Key] == nil || pair.Value != "sha1" && pair.Value != "sha256" {
			body.Fault_ = soapFault(&types.InvalidArgument{InvalidProperty: "deviceUrlsToChecksumTypes"})
			return body
		}
	}
	for _, pair := range req.DeviceUrlsToChecksumTypes {
		byKey[pair.Key].checksum = pair.Value
	}
	body.Res = new(types.HttpNfcLeaseSetManifestChecksumTypeResponse)
	return body
}

// manifestEntry is what the manifest says of a file. With pull_manifest: sha1 a pulled one has no checksum but that.
func (s *server) manifestEntry(u *upload) types.HttpNfcLeaseManifestEntry {
	e := types.HttpNfcLeaseManifestEntry{Key: u.key, Sha1: u.sha1, Size: u.size, Disk: u.disk}
	if u.checksum != "" && u.pulled && s.scenario.VCenter.Behaviour.PullManifest == "checksum" {
		e.ChecksumType = u.checksum
		e.Checksum = map[string]string{"sha1": u.sha1, "sha256": u.sha256}[u.checksum]
	}
	return e
}

// HttpNfcLeasePullFromUrlsTask makes the lease's host fetch the files. The client keeps the lease alive meanwhile.
func (l *lease) HttpNfcLeasePullFromUrlsTask(ctx *simulator.Context, req *types.HttpNfcLeasePullFromUrls_Task) soap.HasFault {
	body := new(methods.HttpNfcLeasePullFromUrls_TaskBody)
	if !l.s.pulls() {
		body.Fault_ = soapFault(&types.MethodNotFound{Receiver: l.Self, Method: "HttpNfcLeasePullFromUrls_Task"})
		return body
	}
	if fault := l.checkFiles(req.Files); fault != nil {
		body.Fault_ = soapFault(fault)
		return body
	}
	stopped, stop := context.WithCancel(context.Background())
	l.mu.Lock()
	l.stop = stop
	l.active++
	entity := l.vm.Self
	l.mu.Unlock()
	l.Mode = string(types.HttpNfcLeaseModePull)
	run := func() (types.AnyType, types.BaseMethodFault) {
		defer stop()
		defer l.count(-1)
		tell := l.tellProgress(req.Files)
		defer tell.end()
		for _, f := range req.Files {
			if fault := l.pull(stopped, f, tell); fault != nil {
				// As for a push that breaks: a lease with half a file is of no use.
				l.abort(l.s.newContext(l.ctx), fault)
				return nil, fault
			}
		}
		return nil, nil
	}
	body.Res = &types.HttpNfcLeasePullFromUrls_TaskResponse{
		Returnval: l.s.runTask(ctx, entity, "HttpNfcLease.HttpNfcLeasePullFromUrls_Task", run)}
	return body
}

// progress is how much of a pull has come. It is told by a goroutine of its own, since the lease may be locked by a call.
type progress struct {
	came atomic.Int64
	done chan struct{}
}

func (p *progress) end() { close(p.done) }

// tellProgress keeps transferProgress true while files come.
func (l *lease) tellProgress(files []types.HttpNfcLeaseSourceFile) *progress {
	p := &progress{done: make(chan struct{})}
	var all int64
	for _, f := range files {
		all += f.Size
	}
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-p.done:
				return
			case <-tick.C:
				if all > 0 {
					l.set(l.s.newContext(l.ctx), "transferProgress", int32(min(99, 100*p.came.Load()/all)))
				}
			}
		}
	}()
	return p
}

// pull fetches one file, as the request log then has it.
func (l *lease) pull(ctx context.Context, f types.HttpNfcLeaseSourceFile, tell *progress) types.BaseMethodFault {
	start := time.Now()
	u, _ := neturl.Parse(f.Url)
	e := &entry{Listener: l.hostName(), HTTP: pullEntry, Path: u.Path}
	rule, do := l.s.rules.fire(e, u.Path)
	e.Rule = rule
	err := l.fetch(ctx, f, do, e, tell)
	var fault types.BaseMethodFault
	if err != nil {
		log.Printf("pull of %s by %s: %v", u.Path, e.Listener, err)
		fault = pullFault(err)
		e.Fault = typeName(fault)
	}
	e.MS = float64(time.Since(start).Microseconds()) / 1000
	l.s.log.write(e)
	return fault
}

// hostName is the inventory name of the lease's host.
func (l *lease) hostName() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, ref := range l.s.hosts {
		if ref == l.host {
			return name
		}
	}
	return ""
}

// The ways in which a pull fails.
type (
	webAnswer  struct{ status int } // by the server, and not with the file
	untrusted  struct{ thumbprint string }
	unfetched  struct{ why error }
	notInOVA   struct{ name string }
	faulted    struct{ fault types.BaseMethodFault }
	pullResult struct {
		io.ReadCloser
		length int64
	}
)

func (e *webAnswer) Error() string { return fmt.Sprintf("the server answered %d", e.status) }
func (e *untrusted) Error() string { return "the server has another certificate: " + e.thumbprint }
func (e *unfetched) Error() string { return e.why.Error() }
func (e *unfetched) Unwrap() error { return e.why }
func (e *notInOVA) Error() string  { return "the archive has no " + e.name }
func (e *faulted) Error() string   { return faultMessage(e.fault) }

// pullFault is what the task says. That the host could not connect, or that its firewall is closed, it does not tell: the harmful way, and what
// users of vmware_deploy_ovf report.
func pullFault(err error) types.BaseMethodFault {
	var a *webAnswer
	var t *untrusted
	var f *faulted
	var full *noRoom
	switch {
	case errors.As(err, &f):
		return f.fault
	case errors.As(err, &a):
		return &types.HttpFault{StatusCode: int32(a.status), StatusMessage: http.StatusText(a.status)}
	case errors.As(err, &t):
		return &types.SSLVerifyFault{Thumbprint: t.thumbprint}
	case errors.As(err, &full), errors.Is(err, errStore):
		return storeFault(err)
	}
	return &types.SystemError{RuntimeFault: types.RuntimeFault{}, Reason: "Failed to pull file from URL"}
}

var errStore = errors.New("the file is not what the device takes")

// fetch asks the server for the file and stores what it sends.
func (l *lease) fetch(ctx context.Context, f types.HttpNfcLeaseSourceFile, do action, e *entry, tell *progress) error {
	l.mu.Lock()
	u := l.target(f.TargetDeviceId)
	u.pulled = true
	host := l.host
	l.mu.Unlock()
	switch {
	case do.Fault != nil:
		return &faulted{newFault(do.Fault.Name)}
	case do.Status != nil:
		return &webAnswer{do.Status.Code}
	case do.Stall != nil:
		pause(ctx, do.Stall.Seconds)
	case do.Restart != nil:
		l.s.restart()
	case do.Cut == nil && do.Slow == nil && do.Short == nil:
		l.s.outage(do)
	}
	body, err := l.open(ctx, f)
	if err != nil {
		return err
	}
	defer body.Close()
	in := &countedBody{ReadCloser: body.ReadCloser}
	var from io.ReadCloser = in
	if do.Cut != nil {
		after := int64(0)
		if do.Cut.AfterBytes != nil {
			after = *do.Cut.AfterBytes
		}
		from = &cutBody{from, after}
	}
	if do.Slow != nil {
		from = &slowBody{from, do.Slow.BytesPerSecond}
	}
	if do.Short != nil {
		ctx = context.WithValue(ctx, shortKey{}, do.Short.Bytes)
	}
	reader := io.Reader(&telling{from, tell})
	if w := l.s.wires[host]; w != nil {
		reader = &wired{reader, w}
	}
	length := body.length
	if l.s.scenario.VCenter.Behaviour.PullTruncated == "taken" {
		reader, length = &untilItEnds{reader}, -1
	}
	if f.MemberName != "" {
		if reader, length, err = member(reader, f.MemberName); err != nil {
			return err
		}
	}
	err = l.receive(ctx, reader, length, u)
	if f.MemberName != "" && err == nil {
		_, err = io.Copy(io.Discard, reader)
	}
	e.BytesIn, e.Status = in.bytes, http.StatusOK
	var bad *unfetched
	switch {
	case err == nil, errors.As(err, &bad), errors.Is(err, errCut), errors.Is(err, context.Canceled), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return errors.Join(err, errStore)
}

// member finds a file in an ova, which is a tar archive.
func member(archive io.Reader, name string) (io.Reader, int64, error) {
	t := tar.NewReader(archive)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil, 0, &notInOVA{name}
		}
		if err != nil {
			return nil, 0, &unfetched{err}
		}
		if h.Name == name {
			return t, h.Size, nil
		}
	}
}

// open asks the server for a file, from the host's address.
func (l *lease) open(ctx context.Context, f types.HttpNfcLeaseSourceFile) (*pullResult, error) {
	client, err := l.webClient(f)
	if err != nil {
		return nil, err
	}
	request := func(method string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, method, f.Url, nil)
		if err != nil {
			return nil, &unfetched{err}
		}
		for _, h := range f.HttpHeaders {
			r.Header.Set(h.Key, h.Value)
		}
		res, err := client.Do(r)
		if bad := new(untrusted); errors.As(err, &bad) {
			return nil, bad
		}
		if err != nil {
			return nil, &unfetched{err}
		}
		if res.StatusCode != http.StatusOK {
			_ = res.Body.Close()
			return nil, &webAnswer{res.StatusCode}
		}
		return res, nil
	}
	if f.Size == 0 && f.MemberName == "" { // "Otherwise it will be determined by a HEAD request"
		res, err := request(http.MethodHead)
		if err != nil {
			return nil, err
		}
		_ = res.Body.Close()
	}
	res, err := request(http.MethodGet)
	if err != nil {
		return nil, err
	}
	return &pullResult{res.Body, res.ContentLength}, nil
}

// webClient is the host as a client of web servers. It follows no redirect, takes what comes as it is, and knows one certificate.
func (l *lease) webClient(f types.HttpNfcLeaseSourceFile) (*http.Client, error) {
	l.mu.Lock()
	host := l.host
	l.mu.Unlock()
	if !l.s.firewallOpen(host) {
		return nil, &unfetched{errors.New("the firewall's ruleset " + httpClient + " is closed")}
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	for address, names := range l.s.addresses {
		for _, n := range names {
			if l.s.hosts[n] == host {
				dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(address)}
			}
		}
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, // the named certificate is what counts
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			if !isNamed(raw[0], f) {
				return &untrusted{thumbprintOf(raw[0])}
			}
			return nil
		}}
	return &http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: trust, DisableCompression: true, DisableKeepAlives: true, ForceAttemptHTTP2: false},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}, nil
}

// firewallOpen says whether a host may connect to web servers.
func (s *server) firewallOpen(host types.ManagedObjectReference) bool {
	h, ok := s.reg.Get(host).(*simulator.HostSystem)
	if !ok {
		return false
	}
	open := false
	m := s.reg.Get(*h.ConfigManager.FirewallSystem).(*simulator.HostFirewallSystem)
	(&simulator.Context{Map: s.reg}).WithLock(m, func() {
		for _, r := range m.FirewallInfo.Ruleset {
			open = open || r.Key == httpClient && r.Enabled
		}
	})
	return open
}

// reaches says whether the host can connect to a file's server.
func (l *lease) reaches(ctx context.Context, f types.HttpNfcLeaseSourceFile) bool {
	client, err := l.webClient(f)
	if err != nil {
		return false
	}
	u, _ := neturl.Parse(f.Url)
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	conn, err := client.Transport.(*http.Transport).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// isNamed compares a server's certificate with the one that a file names.
func isNamed(der []byte, f types.HttpNfcLeaseSourceFile) bool {
	if f.SslCertificate != "" {
		block, _ := pem.Decode([]byte(f.SslCertificate))
		return block != nil && string(block.Bytes) == string(der)
	}
	return f.SslThumbprint != "" && strings.EqualFold(strings.ReplaceAll(f.SslThumbprint, ":", ""), strings.ReplaceAll(thumbprintLike(der, f.SslThumbprint), ":", ""))
}

// thumbprintLike is a certificate's thumbprint by the algorithm that another one's length tells.
func thumbprintLike(der []byte, other string) string {
	if len(strings.ReplaceAll(other, ":", "")) == 2*sha256.Size {
		sum := sha256.Sum256(der)
		return hex.EncodeToString(sum[:])
	}
	return thumbprintOf(der)
}

// thumbprintOf is a certificate's SHA-1, as vSphere writes it.
func thumbprintOf(der []byte) string {
	return strings.ReplaceAll(fmt.Sprintf("% X", sha1.Sum(der)), " ", ":")
}

// telling counts what comes.
type telling struct {
	io.Reader
	tell *progress
}

func (t *telling) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	t.tell.came.Add(int64(n))
	return n, err
}

// untilItEnds takes a connection that breaks off for the end of the file.
type untilItEnds struct{ io.Reader }

func (u *untilItEnds) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// wire is a host's connection, shared by all its pulls.
type wire struct {
	mu   sync.Mutex
	rate float64 // bytes a second
	free time.Time
}

func newWire(mib float64) *wire { return &wire{rate: mib * (1 << 20)} }

// take waits until n more bytes have crossed.
func (w *wire) take(n int) {
	w.mu.Lock()
	now := time.Now()
	if w.free.Before(now) {
		w.free = now
	}
	w.free = w.free.Add(time.Duration(float64(n) / w.rate * float64(time.Second)))
	until := w.free
	w.mu.Unlock()
	time.Sleep(time.Until(until))
}

type wired struct {
	io.Reader
	wire *wire
}

func (r *wired) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p[:min(len(p), 256<<10)])
	r.wire.take(n)
	return n, err
}
