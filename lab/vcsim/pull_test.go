package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/nfc"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// openFirewalls is the lab's scenario with hosts that may fetch.
func openFirewalls(behaviour ...string) string {
	s := strings.ReplaceAll(testScenario, "cores: 8, threads: 16,", "cores: 8, threads: 16, http_client: true,")
	s = strings.ReplaceAll(s, "cores: 16, threads: 32,", "cores: 16, threads: 32, http_client: true,")
	if len(behaviour) > 0 {
		s = strings.Replace(s, "vcenter: {", "vcenter: {behaviour: {"+strings.Join(behaviour, ", ")+"}, ", 1)
	}
	return s
}

// images is a web server with TLS that wants a token.
type images struct {
	*httptest.Server
	from []string // the addresses that asked
	der  []byte
}

const token = "the-key"

func newImages(l *lab, handle http.HandlerFunc) *images {
	l.Helper()
	i := new(images)
	i.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		i.from = append(i.from, r.Method+" "+host)
		if r.Header.Get("X-Auth-Token") != token {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handle(w, r)
	}))
	listener, err := net.Listen("tcp", "127.78.0.1:0")
	l.must(err)
	_ = i.Listener.Close()
	i.Listener = listener
	pair, err := tls.LoadX509KeyPair(l.s.cert, l.s.key)
	l.must(err)
	i.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	i.StartTLS()
	i.der = pair.Certificate[0]
	l.Cleanup(i.Close)
	return i
}

// file is what a lease is told to fetch.
func (i *images) file(device types.HttpNfcLeaseDeviceUrl, size int) types.HttpNfcLeaseSourceFile {
	return types.HttpNfcLeaseSourceFile{TargetDeviceId: device.ImportKey, Url: i.URL + "/v2/images/7/file", Size: int64(size),
		SslThumbprint: thumbprintOf(i.der), HttpHeaders: []types.KeyValue{{Key: "X-Auth-Token", Value: token}}}
}

func (l *lab) pull(lease *nfc.Lease, f types.HttpNfcLeaseSourceFile) string {
	l.Helper()
	res, err := methods.HttpNfcLeasePullFromUrls_Task(l.ctx, l.c, &types.HttpNfcLeasePullFromUrls_Task{This: lease.Reference(), Files: []types.HttpNfcLeaseSourceFile{f}})
	if err != nil {
		return fault(err)
	}
	return l.wait(object.NewTask(l.c.Client, res.Returnval), nil)
}

func send(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(data) }
}

var streamed = sparse(128*20, map[uint32]byte{0: 'x', 19: 'y'}, true)

// The host fetches from its own address, and what came is the disk. Nothing crosses the vCenter, and the token is in no log.
func TestPull(t *testing.T) {
	l := newLabOf(t, openFirewalls())
	server := newImages(l, send(streamed))
	lease, info := l.importVM("img")
	var m mo.HttpNfcLease
	l.props(lease.Reference(), &m, "capabilities")
	if !m.Capabilities.PullModeSupported {
		t.Fatal("no pull mode")
	}
	f := server.file(info.DeviceUrl[0], len(streamed))
	probed, err := methods.HttpNfcLeaseProbeUrls(l.ctx, l.c, &types.HttpNfcLeaseProbeUrls{This: lease.Reference(), Files: []types.HttpNfcLeaseSourceFile{f}, Timeout: 5})
	l.must(err)
	if len(probed.Returnval) != 1 || !probed.Returnval[0].ServerAccessible || len(server.from) != 0 {
		t.Errorf("probe: %+v, asked by %v", probed.Returnval, server.from)
	}
	if got := l.pull(lease, f); got != "" {
		t.Fatal(got)
	}
	l.must(lease.Complete(l.ctx))
	if flat, _ := os.ReadFile(l.path("[ds-a] img/img-flat.vmdk")); len(flat) != 128*20*sector || flat[0] != 'x' || flat[len(flat)-1] != 'y' {
		t.Errorf("%d bytes", len(flat))
	}
	if len(server.from) != 1 || !strings.HasPrefix(server.from[0], "GET 127.78.1.1") {
		t.Errorf("asked by %v", server.from)
	}
	found := false
	for _, e := range l.logged() {
		if e.HTTP == pullEntry {
			found = e.Path == "/v2/images/7/file" && e.BytesIn == int64(len(streamed)) && "GET "+e.Listener == server.from[0]
		}
	}
	if !found {
		t.Error("the log does not have it")
	}
	if log, _ := os.ReadFile(l.s.requestLog); strings.Contains(string(log), token) {
		t.Error("the token is in the log")
	}
}

// What the manifest says of a pulled file is a switch.
func TestPullManifest(t *testing.T) {
	sum, strong := sha1.Sum(streamed), sha256.Sum256(streamed)
	for value, want := range map[string]string{"empty": "", "sha1": hex.EncodeToString(sum[:]) + " ", "checksum": hex.EncodeToString(sum[:]) + " sha256" + hex.EncodeToString(strong[:])} {
		l := newLabOf(t, openFirewalls("pull_manifest: "+value))
		server := newImages(l, send(streamed))
		lease, info := l.importVM("img")
		l.must(ignore(methods.HttpNfcLeaseSetManifestChecksumType(l.ctx, l.c, &types.HttpNfcLeaseSetManifestChecksumType{This: lease.Reference(),
			DeviceUrlsToChecksumTypes: []types.KeyValue{{Key: info.DeviceUrl[0].Key, Value: "sha256"}}})))
		if got := l.pull(lease, server.file(info.DeviceUrl[0], len(streamed))); got != "" {
			t.Fatal(got)
		}
		manifest, err := lease.GetManifest(l.ctx)
		l.must(err)
		got := ""
		for _, e := range manifest {
			got += e.Sha1 + " " + e.ChecksumType + e.Checksum
		}
		if got != want {
			t.Errorf("%s: %q", value, got)
		}
		l.must(lease.Abort(l.ctx, nil))
	}
}

func ignore[T any](_ T, err error) error { return err }

// A file in an ova is fetched by its name.
func TestPullFromOVA(t *testing.T) {
	l := newLabOf(t, openFirewalls())
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, data := range map[string][]byte{"a b.ovf": []byte("<x/>"), "disk 1.vmdk": streamed} {
		l.must(w.WriteHeader(&tar.Header{Name: name, Size: int64(len(data)), Mode: 0644}))
		_, err := w.Write(data)
		l.must(err)
	}
	l.must(w.Close())
	server := newImages(l, send(archive.Bytes()))
	for name, want := range map[string]string{"disk 1.vmdk": "", "other.vmdk": "SystemError"} {
		lease, info := l.importVM("img" + want)
		f := server.file(info.DeviceUrl[0], 0)
		f.MemberName = name
		if got := l.pull(lease, f); got != want {
			t.Errorf("%s: %s", name, got)
		}
		if want == "" {
			l.must(lease.Complete(l.ctx))
		}
	}
}

// What fails takes the lease's VM along, whatever it was.
func TestPullFails(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write(streamed)
	_ = z.Close()
	short := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(streamed)))
		_, _ = w.Write(streamed[:len(streamed)/2])
	}
	type edit = func(*types.HttpNfcLeaseSourceFile)
	none := func(*types.HttpNfcLeaseSourceFile) {}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		edit  edit
		want  string
	}{
		"no token":          {send(streamed), func(f *types.HttpNfcLeaseSourceFile) { f.HttpHeaders = nil }, "HttpFault"},
		"other certificate": {send(streamed), func(f *types.HttpNfcLeaseSourceFile) { f.SslThumbprint = strings.Repeat("00:", 19) + "00" }, "SSLVerifyFault"},
		"no certificate":    {send(streamed), func(f *types.HttpNfcLeaseSourceFile) { f.SslThumbprint = "" }, "SSLVerifyFault"},
		"redirect":          {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }, none, "HttpFault"},
		"gone":              {http.NotFound, none, "HttpFault"},
		"garbage":           {send([]byte("garbage")), none, "InvalidDiskFormat"},
		"gzip":              {send(zipped.Bytes()), none, "InvalidDiskFormat"},
		"truncated":         {short, none, "InvalidDiskFormat"}, // the format itself has an end
	} {
		l := newLabOf(t, openFirewalls("lease_abort: at_once"))
		server := newImages(l, c.serve)
		lease, info := l.importVM("img")
		f := server.file(info.DeviceUrl[0], len(streamed))
		c.edit(&f)
		if got := l.pull(lease, f); got != c.want {
			t.Errorf("%s: %s", name, got)
		}
		l.gone(info.Entity, "[ds-a] img")
		if err := lease.Complete(l.ctx); err == nil {
			t.Errorf("%s: the lease completes", name)
		}
	}
}

// A body that breaks off is the end of the file, or an error.
func TestPullTruncated(t *testing.T) {
	// What is lost is behind the end of the stream, so that the disk looks whole.
	short := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(streamed)+1024))
		_, _ = w.Write(streamed)
	}
	for value, want := range map[string]string{"taken": "", "refused": "SystemError"} {
		l := newLabOf(t, openFirewalls("pull_truncated: "+value))
		lease, info := l.importVM("img")
		if got := l.pull(lease, newImages(l, short).file(info.DeviceUrl[0], len(streamed)+1024)); got != want {
			t.Errorf("%s: %s", value, got)
		}
	}
}

// A new host's firewall is closed, which neither the task nor the probe explain.
func TestPullNeedsTheFirewall(t *testing.T) {
	l := newLab(t)
	server := newImages(l, send(streamed))
	lease, info := l.importVM("img")
	f := server.file(info.DeviceUrl[0], len(streamed))
	probed, err := methods.HttpNfcLeaseProbeUrls(l.ctx, l.c, &types.HttpNfcLeaseProbeUrls{This: lease.Reference(), Files: []types.HttpNfcLeaseSourceFile{f}})
	l.must(err)
	if probed.Returnval[0].ServerAccessible {
		t.Error("probe: accessible")
	}
	if got := l.pull(lease, f); got != "SystemError" || len(server.from) != 0 {
		t.Errorf("%s, asked by %v", got, server.from)
	}
	for _, name := range []string{"127.78.1.11", "127.78.1.12"} {
		host, err := l.f.HostSystem(l.ctx, "/dc1/host/cluster-a/"+name)
		l.must(err)
		firewall, err := host.ConfigManager().FirewallSystem(l.ctx)
		l.must(err)
		l.must(firewall.EnableRuleset(l.ctx, httpClient))
		var m mo.HostSystem
		l.props(host.Reference(), &m, "config.firewall.ruleset")
		for _, r := range m.Config.Firewall.Ruleset {
			if r.Key == httpClient && !r.Enabled {
				t.Error("config.firewall does not show it")
			}
		}
	}
	lease, info = l.importVM("img2")
	if got := l.pull(lease, server.file(info.DeviceUrl[0], len(streamed))); got != "" {
		t.Error(got)
	}
	other, err := l.f.HostSystem(l.ctx, "/dc1/host/cluster-b/127.78.2.11")
	l.must(err)
	if l.s.firewallOpen(other.Reference()) {
		t.Error("hosts share a firewall")
	}
}

// Versions: 6.7 for the pull, 7.0.2 for the probe, 9.0 for a certificate instead of a thumbprint.
func TestPullByVersion(t *testing.T) {
	for version, want := range map[string][3]bool{"6.5.0": {}, "6.7.0": {true}, "7.0.2": {true, true}, "9.0.0": {true, true, true}} {
		l := newLabOf(t, strings.Replace(openFirewalls(), "vcenter: {", "vcenter: {version: "+version+", ", 1))
		server := newImages(l, send(streamed))
		lease, info := l.importVM("img")
		f := server.file(info.DeviceUrl[0], len(streamed))
		_, err := methods.HttpNfcLeaseProbeUrls(l.ctx, l.c, &types.HttpNfcLeaseProbeUrls{This: lease.Reference(), Files: []types.HttpNfcLeaseSourceFile{f}})
		named := f
		named.SslThumbprint, named.SslCertificate = "", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.der}))
		certificate := l.pull(lease, named)
		var m mo.HttpNfcLease
		l.props(lease.Reference(), &m, "capabilities")
		pulled := m.Capabilities.PullModeSupported && (certificate == "" || l.pull(lease, f) == "")
		if got := [3]bool{pulled, err == nil, certificate == ""}; got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
}

// A rule breaks what a host fetches.
func TestPullBroken(t *testing.T) {
	for do, want := range map[string]string{`"cut": {"after_bytes": 100}`: "SystemError", `"status": {"code": 503}`: "HttpFault",
		`"fault": {"name": "HostCommunication"}`: "HostCommunication", `"short": {"bytes": 512}`: ""} {
		l := newLabOf(t, openFirewalls())
		server := newImages(l, send(streamed))
		lease, info := l.importVM("img")
		l.rule(`{"when": {"http": "PULL"}, "do": {` + do + `}}`)
		if got := l.pull(lease, server.file(info.DeviceUrl[0], len(streamed))); got != want {
			t.Errorf("%s: %s", do, got)
		}
		if l.fired() != 1 {
			t.Errorf("%s: fired %d", do, l.fired())
		}
	}
}

// A lease that is aborted, or whose session ends, ends its pull. A host has a bandwidth, and tells how far it is.
func TestPullEnds(t *testing.T) {
	l := newLabOf(t, strings.ReplaceAll(openFirewalls("lease_abort: at_once"), "http_client: true,", "http_client: true, pull_mib_per_second: 0.01,"))
	big := sparse(128*20, map[uint32]byte{0: 'x', 1: 'a', 2: 'b', 3: 'c', 19: 'y'}, true)
	server := newImages(l, send(append(big, make([]byte, 64<<10)...)))
	lease, info := l.importVM("img")
	f := server.file(info.DeviceUrl[0], len(big))
	res, err := methods.HttpNfcLeasePullFromUrls_Task(l.ctx, l.c, &types.HttpNfcLeasePullFromUrls_Task{This: lease.Reference(), Files: []types.HttpNfcLeaseSourceFile{f}})
	l.must(err)
	var m mo.HttpNfcLease
	for deadline := time.Now().Add(5 * time.Second); m.TransferProgress == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no progress")
		}
		l.props(lease.Reference(), &m, "transferProgress", "mode")
	}
	if m.Mode != "pull" {
		t.Error(m.Mode)
	}
	l.must(lease.Abort(l.ctx, nil))
	if got := l.waitRef(res.Returnval); got == "" {
		t.Error("the task succeeds")
	}
	l.gone(info.Entity, "[ds-a] img")
}

// The privilege is wanted on what the lease makes.
func TestPullPrivilege(t *testing.T) {
	const account = `accounts: [{username: low, password: y, permissions: [
      {entity: /, privileges: [System.View], propagate: false}, {entity: /dc1, privileges: [VApp.Import, VirtualMachine.Inventory.Create, VirtualMachine.Inventory.CreateFromExisting,
      VirtualMachine.Config.AddNewDisk, Datastore.AllocateSpace, Datastore.Browse, Datastore.FileManagement, Resource.AssignVMToPool, VirtualMachine.Config.AddRemoveDevice%s]}]}], `
	for more, want := range map[string]string{"": "NoPermission", ", VApp.PullFromUrls": ""} {
		l := newLabOf(t, strings.Replace(openFirewalls(), "vcenter: {", "vcenter: {"+fmt.Sprintf(account, more), 1))
		server := newImages(l, send(streamed))
		c, err := l.loginAs("low", "y")
		l.must(err)
		l.c, l.f = c, find.NewFinder(c.Client, false)
		l.dc = object.NewDatacenter(c.Client, l.dc.Reference())
		l.f.SetDatacenter(l.dc)
		lease, info := l.importVM("img")
		if got := l.pull(lease, server.file(info.DeviceUrl[0], len(streamed))); got != want {
			t.Errorf("%q: %s", more, got)
		}
	}
}
