package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// listenerKey is the key of a request's context for the names of the hosts whose address it came in on.
type listenerKey struct{}

// listenerHosts are the hosts that a request was sent to; none for the vCenter.
func listenerHosts(r *http.Request) []string {
	hosts, _ := r.Context().Value(listenerKey{}).([]string)
	return hosts
}

// leaseID is the part of an upload's path that authorizes it, so it is not logged.
var leaseID = regexp.MustCompile(`^/nfc/[^/]*/`)

// handler is what a listener serves: the vCenter when hosts is nil, else these ESXi hosts.
func (s *server) handler(hosts []string) http.Handler {
	listener := "vcenter"
	if hosts != nil {
		listener = strings.Join(hosts, ",")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		e := &entry{Listener: listener, HTTP: r.Method, Path: leaseID.ReplaceAllString(r.URL.Path, "/nfc/*/"), Query: cleanQuery(r.URL)}
		in := &countedBody{ReadCloser: r.Body}
		r.Body = in
		out := &counted{ResponseWriter: w}
		switch {
		case hosts != nil && strings.HasPrefix(r.URL.Path, "/sdk"):
			// A host under a vCenter answers here too. We do not, so that nobody tests on what is not there.
			http.Error(out, "this simulator has no SOAP service on hosts", http.StatusServiceUnavailable)
		case r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/sdk"):
			s.serveSOAP(out, r, e)
		default:
			s.mux.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), listenerKey{}, hosts)))
		}
		e.BytesIn, e.BytesOut, e.Status, e.Fault = in.bytes, out.bytes, out.status, out.fault()
		e.MS = float64(time.Since(start).Microseconds()) / 1000
		s.log.write(e)
	})
}

// Gap 3. naiveTime is an xsd:dateTime without a zone: oslo.vmware sends such (RegisterExtension,
// nova/virt/vmwareapi/driver.py _register_openstack_extension). A vCenter takes it as UTC, Go's decoder does not.
var naiveTime = regexp.MustCompile(`>(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)<`)

// floatKB is what Nova's file_size_in_kb, a Python float, becomes in CreateVirtualDisk_Task
// (nova/virt/vmwareapi/images.py). Nova works with a vCenter, so a vCenter takes it.
var floatKB = regexp.MustCompile(`(<(?:\w+:)?(?:capacityKb|newCapacityKb|capacityInKB)(?: [^>]*)?>)(\d+)\.0*<`)

// serveSOAP hands a SOAP request to the simulator, after what its decoder cannot read was made readable.
func (s *server) serveSOAP(w http.ResponseWriter, r *http.Request, e *entry) {
	const most = 16 << 20
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	e.Method, e.Object, e.Args = summarize(body)
	body = floatKB.ReplaceAll(body, []byte("${1}${2}<"))
	body = naiveTime.ReplaceAll(body, []byte(">${1}Z<"))
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	s.mux.ServeHTTP(w, r)
}
