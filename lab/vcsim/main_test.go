package main

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/task"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// testScenario has two clusters with a shared datastore. 127.78.0.0/16 is ours.
const testScenario = `
vcenter: {name: vc-test, username: nova@vsphere.local, password: "lab & <word>"}
datacenters:
  - name: dc1
    networks: [VM Network, tenant-net]
    clusters:
      - name: cluster-a
        hosts:
          - {name: 127.78.1.11, cores: 8, threads: 16, memory_mb: 65536}
          - {name: 127.78.1.12, cores: 16, threads: 32, memory_mb: 131072}
          - {name: 127.78.1.13, memory_mb: 262144, maintenance: true}
          - {name: 127.78.1.14, memory_mb: 262144, state: disconnected}
      - name: cluster-b
        drs: {enabled: false}
        hosts:
          - {name: 127.78.2.11, memory_mb: 16384}
          - {name: 127.78.2.12, memory_mb: 16384}
    datastores:
      - {name: ds-a, type: VMFS, capacity_gb: 100, free_gb: 10, clusters: [cluster-a]}
      - {name: ds-shared, type: NFS, capacity_gb: 100, clusters: [cluster-a, cluster-b]}
      - {name: ds-vsan, type: vsan, clusters: [cluster-a]}
      - {name: ds-small, type: VMFS, capacity_gb: 1, free_gb: 0.01, clusters: [cluster-a]}
      - {name: ds-off, type: VMFS, accessible: false, maintenance: inMaintenance, clusters: [cluster-a]}
    vms:
      - {name: legacy, count: 3, cluster: cluster-a, host: 127.78.1.12, cpus: 4, memory_mb: 8192, memory_reservation_mb: 8192, datastore: ds-a}
      - {name: cold, cluster: cluster-b, host: 127.78.2.11, power: "off", datastore: ds-shared}
  - name: dc2
    clusters:
      - name: cluster-a
        hosts: [{name: 127.78.3.11}]
    datastores:
      - {name: ds-dc2, type: VMFS, clusters: [cluster-a]}
`

// lab is a running simulator with a session of govmomi's client.
type lab struct {
	*testing.T
	s    *server
	c    *govmomi.Client
	f    *find.Finder
	dc   *object.Datacenter
	http *http.Client
	ctx  context.Context
}

// testOptions writes what the command line names.
func testOptions(t *testing.T, scenario string) options {
	t.Helper()
	dir := t.TempDir()
	o := options{scenario: filepath.Join(dir, "scenario.yml"), cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"),
		wsdl: filepath.Join(dir, "wsdl"), datastores: filepath.Join(dir, "datastores"), requestLog: filepath.Join(dir, "requests.log"), control: filepath.Join(dir, "c"), hostListeners: true}
	write(t, o.scenario, scenario)
	if err := os.Mkdir(o.wsdl, 0700); err != nil {
		t.Fatal(err)
	}
	for _, name := range wsdlFiles {
		write(t, filepath.Join(o.wsdl, name), "<"+name+"/>")
	}
	l, err := net.Listen("tcp", "127.78.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.listen = l.Addr().String()
	_ = l.Close()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vcsim"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	for _, ip := range []string{"0.1", "1.11", "1.12", "2.11", "2.12", "3.11"} {
		cert.IPAddresses = append(cert.IPAddresses, net.ParseIP("127.78."+ip))
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, o.cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, o.key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})))
	return o
}

func write(t *testing.T, name, data string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(data), 0600); err != nil {
		t.Fatal(err)
	}
}

// newLab starts a simulator and logs in. Switches are lines of vcenter.behaviour.
func newLab(t *testing.T, switches ...string) *lab {
	t.Helper()
	scenario := testScenario
	if len(switches) > 0 {
		scenario = strings.Replace(scenario, "vcenter: {", "vcenter: {behaviour: {"+strings.Join(switches, ", ")+"}, ", 1)
	}
	return newLabOf(t, scenario)
}

// newLabOf starts a simulator with a scenario of the test's own, which has a datacenter dc1.
func newLabOf(t *testing.T, scenario string) *lab {
	t.Helper()
	o := testOptions(t, scenario)
	s, err := newServer(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	l := &lab{T: t, s: s, ctx: context.Background()}
	pool := x509.NewCertPool()
	ca, _ := os.ReadFile(o.cert)
	pool.AppendCertsFromPEM(ca)
	l.http = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	if l.c, err = l.login(s.scenario.VCenter.Password); err != nil {
		t.Fatal(err)
	}
	l.f = find.NewFinder(l.c.Client, false)
	if l.dc, err = l.f.Datacenter(l.ctx, "/dc1"); err != nil {
		t.Fatal(err)
	}
	l.f.SetDatacenter(l.dc)
	return l
}

func (l *lab) login(password string) (*govmomi.Client, error) {
	return l.loginAs(l.s.scenario.VCenter.Username, password)
}

func (l *lab) loginAs(user, password string) (*govmomi.Client, error) {
	u := &url.URL{Scheme: "https", Host: l.s.listen, Path: "/sdk"}
	sc := soap.NewClient(u, false)
	if err := sc.SetRootCAs(l.s.cert); err != nil {
		return nil, err
	}
	vc, err := vim25.NewClient(l.ctx, sc)
	if err != nil {
		return nil, err
	}
	c := &govmomi.Client{Client: vc, SessionManager: newSessions(vc)}
	return c, c.Login(l.ctx, url.UserPassword(user, password))
}

// must ends the test on an error.
func (l *lab) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

// fault is the API's name of the fault in an error, "" for none.
func fault(err error) string {
	var te task.Error
	switch {
	case err == nil:
		return ""
	case soap.IsSoapFault(err):
		return typeName(soap.ToSoapFault(err).VimFault())
	case asTaskError(err, &te):
		return typeName(te.Fault())
	}
	return err.Error()
}

func asTaskError(err error, te *task.Error) bool {
	for e := err; e != nil; {
		if t, ok := e.(task.Error); ok {
			*te = t
			return true
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		e = u.Unwrap()
	}
	return false
}

// vimFault is the fault in an error, nil for none.
func vimFault(err error) any {
	var te task.Error
	switch {
	case err == nil:
		return nil
	case soap.IsSoapFault(err):
		return soap.ToSoapFault(err).VimFault()
	case asTaskError(err, &te):
		return te.Fault()
	}
	return err
}

// wait gives the fault with which a task ends.
func (l *lab) wait(t *object.Task, err error) string {
	l.Helper()
	if err == nil {
		err = t.Wait(l.ctx)
	}
	return fault(err)
}

// want checks the fault with which a task ends.
func (l *lab) want(fault string) func(*object.Task, error) {
	l.Helper()
	return func(t *object.Task, err error) {
		l.Helper()
		if got := l.wait(t, err); got != fault {
			l.Errorf("fault %q, want %q", got, fault)
		}
	}
}

// path is a datastore path on the machine.
func (l *lab) path(name string) string {
	var p object.DatastorePath
	p.FromString(name)
	return filepath.Join(l.s.stores[p.Datastore].dir, p.Path)
}

func (l *lab) put(name, data string) {
	l.Helper()
	l.must(os.MkdirAll(filepath.Dir(l.path(name)), 0700))
	l.must(os.WriteFile(l.path(name), []byte(data), 0600))
}

func (l *lab) exists(name string) bool {
	_, err := os.Stat(l.path(name))
	return err == nil
}

// disk makes a thin disk with data at its start and in its last sector.
func (l *lab) disk(name string, size int64, data string) {
	l.Helper()
	var p object.DatastorePath
	p.FromString(name)
	f := file{l.s.stores[p.Datastore], p.Path}
	l.must(os.MkdirAll(filepath.Dir(f.path()), 0700))
	l.must(createDisk(f, size, diskKind{thin: true}, nil))
	o, err := os.OpenFile(f.flat().path(), os.O_WRONLY, 0)
	l.must(err)
	_, err = o.WriteAt([]byte(data), 0)
	l.must(err)
	_, err = o.WriteAt([]byte(data), size-sector)
	l.must(err)
	l.must(o.Close())
}

func (l *lab) files() *object.FileManager        { return object.NewFileManager(l.c.Client) }
func (l *lab) disks() *object.VirtualDiskManager { return object.NewVirtualDiskManager(l.c.Client) }

// props reads properties of an object.
func (l *lab) props(ref types.ManagedObjectReference, dst any, names ...string) {
	l.Helper()
	l.must(property.DefaultCollector(l.c.Client).RetrieveOne(l.ctx, ref, names, dst))
}

// request sends a request without a body, or with one, and gives status and answer.
func (l *lab) request(method, u, cookie, body string) (int, string) {
	l.Helper()
	req, err := http.NewRequest(method, u, strings.NewReader(body))
	l.must(err)
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := l.http.Do(req)
	l.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	l.must(err)
	return res.StatusCode, string(b)
}

// cookie is the session's cookie.
func (l *lab) cookie() string {
	u, _ := url.Parse("https://" + l.s.listen + "/")
	for _, c := range l.c.Jar.Cookies(u) {
		if c.Name == sessionCookie {
			return c.Name + "=" + c.Value
		}
	}
	l.Fatal("no session cookie")
	return ""
}

// folderURL is the URL of a datastore file at the vCenter.
func (l *lab) folderURL(ds, name string) string {
	return fmt.Sprintf("https://%s/folder/%s?dcPath=dc1&dsName=%s", l.s.listen, name, ds)
}

// logged are the lines of the request log.
func (l *lab) logged() []entry {
	l.Helper()
	b, err := os.ReadFile(l.s.requestLog)
	l.must(err)
	var out []entry
	for line := range bytes.Lines(b) {
		var e entry
		l.must(json.Unmarshal(line, &e))
		out = append(out, e)
	}
	return out
}

// sparse makes a hosted disk of capacity sectors with a byte pattern in some grains.
func sparse(capacity uint64, grains map[uint32]byte, stream bool) []byte {
	const grain, gtes = 128, 512
	var out bytes.Buffer
	h := sparseHeader{Magic: sparseMagic, Version: 1, Flags: 3, Capacity: capacity, GrainSize: grain, DescOffset: 1, DescSize: 20, NumGTEs: gtes}
	n := (capacity + grain - 1) / grain
	tables := (n + gtes - 1) / gtes
	pad := func() { out.Write(make([]byte, (sector-out.Len()%sector)%sector)) }
	header := func(h sparseHeader) {
		_ = binary.Write(&out, binary.LittleEndian, h)
		pad()
	}
	directory := make([]uint32, tables)
	table := make([][]uint32, tables)
	for i := range table {
		table[i] = make([]uint32, gtes)
	}
	write := func() uint64 {
		for i, t := range table {
			directory[i] = uint32(out.Len() / sector)
			_ = binary.Write(&out, binary.LittleEndian, t)
		}
		at := uint64(out.Len() / sector)
		_ = binary.Write(&out, binary.LittleEndian, directory)
		pad()
		return at
	}
	if stream {
		h.Version, h.Flags, h.GDOffset = 3, 3|flagCompressed|1<<17, gdAtEnd
		header(h)
		out.Write(make([]byte, 127*sector)) // room for the descriptor, as real ones have
		for g := uint32(0); uint64(g) < n; g++ {
			if b, ok := grains[g]; ok {
				table[g/gtes][g%gtes] = uint32(out.Len() / sector)
				var z bytes.Buffer
				w := zlib.NewWriter(&z)
				_, _ = w.Write(bytes.Repeat([]byte{b}, grain*sector))
				_ = w.Close()
				_ = binary.Write(&out, binary.LittleEndian, uint64(g)*grain)
				_ = binary.Write(&out, binary.LittleEndian, uint32(z.Len()))
				out.Write(z.Bytes())
				pad()
			}
		}
		h.GDOffset = write()
		_ = binary.Write(&out, binary.LittleEndian, []uint32{1, 0, 0, markerFooter})
		pad()
		header(h)
		out.Write(make([]byte, sector)) // end of stream
		return out.Bytes()
	}
	h.GDOffset = 1 + tables*4
	header(h)
	at := 1 + tables*4 + (tables*4+sector-1)/sector
	for g := uint32(0); uint64(g) < n; g++ {
		if _, ok := grains[g]; ok {
			table[g/gtes][g%gtes] = uint32(at)
			at += grain
		}
	}
	write()
	for g := uint32(0); uint64(g) < n; g++ {
		if b, ok := grains[g]; ok {
			out.Write(bytes.Repeat([]byte{b}, grain*sector))
		}
	}
	return out.Bytes()
}
