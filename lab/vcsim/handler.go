package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"slices"
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

// leaseID is the part of a transfer's path that authorizes it, so it is not logged.
var leaseID = regexp.MustCompile(`^(?:/nfc|/rest/com/vmware/cis/data)/([^/]*)/`)

// sessionID is that of a library's transfer session.
var sessionID = regexp.MustCompile(`((?:update|download)-?session(?:/file)?/id:)[^/]*`)

// loggedPath is a path as the log has it.
func loggedPath(path string) string {
	if m := leaseID.FindStringSubmatchIndex(path); m != nil {
		path = path[:m[2]] + "*" + path[m[3]:]
	}
	return sessionID.ReplaceAllString(path, "$1*")
}

// handler is what a listener serves: the vCenter when hosts is nil, else these ESXi hosts.
func (s *server) handler(hosts []string) http.Handler {
	listener := "vcenter"
	if hosts != nil {
		listener = strings.Join(hosts, ",")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		e := &entry{Listener: listener, HTTP: r.Method, Path: loggedPath(r.URL.Path), Query: cleanQuery(r.URL)}
		in := &countedBody{ReadCloser: r.Body}
		r.Body = in
		out := &counted{ResponseWriter: w}
		s.dropEnded(r)
		if hosts == nil {
			w.Header().Set("Date", s.now().UTC().Format(http.TimeFormat))
		}
		r = r.WithContext(context.WithValue(r.Context(), listenerKey{}, hosts))
		serve := s.mux.ServeHTTP
		switch {
		case hosts != nil && s.otherEndpoint(r.URL.Path):
			serve = http.NotFound
		case !strings.HasPrefix(r.URL.Path, "/sdk") && !slices.Contains(s.soapPaths, r.URL.Path):
		case hosts != nil:
			// A host under a vCenter answers here too. We do not, so that nobody tests on what is not there.
			serve = func(w http.ResponseWriter, _ *http.Request) {
				http.Error(w, "this simulator has no SOAP service on hosts", http.StatusServiceUnavailable)
			}
		case r.Method == http.MethodPost:
			if err := readSOAP(w, r, e); err != nil {
				serve = func(w http.ResponseWriter, _ *http.Request) { http.Error(w, err.Error(), http.StatusBadRequest) }
			}
		}
		serve = s.guarded(serve, e)
		rule, do := s.rules.fire(e, r.URL.Path)
		cut := false
		if e.Rule = rule; rule == 0 {
			serve(out, r)
		} else {
			cut = s.serveBroken(do, out, r, e, serve)
		}
		e.BytesIn, e.BytesOut, e.Status, e.Fault = in.bytes, out.bytes, out.status, out.fault()
		e.MS = float64(time.Since(start).Microseconds()) / 1000
		s.log.write(e)
		if cut {
			panic(http.ErrAbortHandler) // the server closes the connection, and says nothing
		}
	})
}

// Gap 3. naiveTime is an xsd:dateTime without a zone: oslo.vmware sends such (RegisterExtension,
// nova/virt/vmwareapi/driver.py _register_openstack_extension). A vCenter takes it as UTC, Go's decoder does not.
var naiveTime = regexp.MustCompile(`>(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)<`)

// floatKB is what Nova's file_size_in_kb, a Python float, becomes in CreateVirtualDisk_Task
// (nova/virt/vmwareapi/images.py). Nova works with a vCenter, so a vCenter takes it.
var floatKB = regexp.MustCompile(`(<(?:\w+:)?(?:capacityKb|newCapacityKb|capacityInKB)(?: [^>]*)?>)(\d+)\.0*<`)

// readSOAP reads a SOAP request, notes what the log has of it, and makes readable what the simulator's decoder is not
// able to read.
func readSOAP(w http.ResponseWriter, r *http.Request, e *entry) error {
	const most = 16 << 20
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		return err
	}
	e.Method, e.Object, e.Args = summarize(body)
	body = floatKB.ReplaceAll(body, []byte("${1}${2}<"))
	body = naiveTime.ReplaceAll(body, []byte(">${1}Z<"))
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	return nil
}
