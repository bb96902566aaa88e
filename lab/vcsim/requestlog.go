package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// requestLog writes one JSON line a request, flushed at once.
type requestLog struct {
	mu   sync.Mutex
	file *os.File
	seq  int64
}

// entry is a line of the log. Method, Object, Args and Fault are of SOAP calls.
type entry struct {
	Time     string            `json:"time"`
	Seq      int64             `json:"seq"`
	Listener string            `json:"listener,omitempty"`
	HTTP     string            `json:"http,omitempty"`
	Path     string            `json:"path,omitempty"`
	Query    string            `json:"query,omitempty"`
	Task     string            `json:"task,omitempty"`
	Method   string            `json:"method,omitempty"`
	Object   string            `json:"object,omitempty"`
	Args     map[string]string `json:"args,omitempty"`
	BytesIn  int64             `json:"bytes_in"`
	BytesOut int64             `json:"bytes_out"`
	Status   int               `json:"status,omitempty"`
	Fault    string            `json:"fault"`
	MS       float64           `json:"ms"`
	Rule     int               `json:"rule,omitempty"`
}

func newRequestLog(name string) (*requestLog, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0600)
	if err != nil {
		return nil, err
	}
	return &requestLog{file: f}, nil
}

func (l *requestLog) write(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	e.Seq = l.seq
	e.Time = time.Now().UTC().Format("2006-01-02T15:04:05.000000Z")
	line, err := json.Marshal(e)
	if err == nil {
		_, _ = l.file.Write(append(line, '\n'))
	}
}

func (l *requestLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.file.Close()
}

// loggedArgs are the elements of a request that go into the log. It is a list of what may be seen: no password,
// ticket or cookie is in it.
var loggedArgs = map[string]bool{
	"name": true, "sourceName": true, "destName": true, "destinationName": true, "datastorePath": true, "newName": true, "displayName": true, "namespaceUrl": true,
	"force": true, "createParentDirectories": true, "newCapacityKb": true, "capacityKb": true, "diskType": true,
	"adapterType": true, "vmPathName": true, "fileName": true, "matchPattern": true, "matchPatterns": true, "path": true,
	"uuid": true, "instanceUuid": true, "percent": true, "userName": true, "memoryMB": true, "numCPUs": true, "host": true,
}

var sessionKey = regexp.MustCompile(`session\[[^\]]*\]`)

// summarize finds the method, its object and the loggedArgs of a SOAP request. An argument that occurs more than
// once is logged with its first value.
func summarize(body []byte) (method, object string, args map[string]string) {
	dec := xml.NewDecoder(bytes.NewReader(body))
	var stack []string
	var text strings.Builder
	inBody := -1
	for {
		tok, err := dec.Token()
		if err != nil {
			return method, object, args
		}
		switch t := tok.(type) {
		case xml.StartElement:
			stack = append(stack, t.Name.Local)
			text.Reset()
			if inBody < 0 && t.Name.Local == "Body" {
				inBody = len(stack)
			} else if inBody > 0 && len(stack) == inBody+1 {
				method = t.Name.Local
			} else if t.Name.Local == "_this" {
				for _, a := range t.Attr {
					if a.Name.Local == "type" {
						object = a.Value + ":"
					}
				}
			}
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			name := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			switch {
			case name == "_this":
				// The simulator names a session's objects by the session's key, which is the cookie as well.
				object += sessionKey.ReplaceAllString(strings.TrimSpace(text.String()), "session")
			case inBody > 0 && len(stack) > inBody && loggedArgs[name] && args[name] == "":
				if v := strings.TrimSpace(text.String()); v != "" && len(v) < 512 && !strings.HasPrefix(method, "Retrieve") {
					if args == nil {
						args = map[string]string{}
					}
					args[name] = v
				}
			}
			text.Reset()
		}
	}
}

// secretQuery are query keys whose values are not logged.
var secretQuery = []string{"token", "ticket", "password", "vmware_cgi_ticket", "vmware_soap_session"}

func cleanQuery(u *url.URL) string {
	q := u.Query()
	for _, k := range secretQuery {
		q.Del(k)
	}
	return q.Encode()
}

// counted counts the response and keeps the start of a SOAP fault.
type counted struct {
	http.ResponseWriter
	status int
	bytes  int64
	head   []byte
}

func (c *counted) WriteHeader(status int) {
	if c.status == 0 {
		c.status = status
	}
	// govmomi leaves these off (it may run without TLS); a vCenter sets Path, HttpOnly and Secure.
	for i, v := range c.Header()["Set-Cookie"] {
		if !strings.Contains(v, "Secure") {
			c.Header()["Set-Cookie"][i] = v + "; Path=/; Secure"
		}
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if c.status >= 500 && len(c.head) < 4096 {
		c.head = append(c.head, b[:min(len(b), 4096)]...)
	}
	n, err := c.ResponseWriter.Write(b)
	c.bytes += int64(n)
	return n, err
}

// ReadFrom keeps sendfile out of the way of TLS but io.Copy's buffer large.
func (c *counted) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{r}, make([]byte, 1<<20))
}

// Unwrap is for http.ResponseController.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

var faultType = regexp.MustCompile(`<detail><\w+ [^>]*xsi:type="(?:\w+:)?(\w+)"`)

func (c *counted) fault() string {
	if m := faultType.FindSubmatch(c.head); m != nil {
		return string(m[1])
	}
	return ""
}

// countedBody counts what was read of a request's body.
type countedBody struct {
	io.ReadCloser
	bytes int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes += int64(n)
	return n, err
}

// taskWatcher logs the fault of each task that ends in one, and marks what the properties derive from as changed.
type taskWatcher struct {
	s *server
}

// Reference implements simulator.RegisterObject; the object is not in the inventory.
func (*taskWatcher) Reference() types.ManagedObjectReference {
	return types.ManagedObjectReference{Type: "VcsimTaskWatcher", Value: "TaskWatcher"}
}

// PutObject implements simulator.RegisterObject.
func (w *taskWatcher) PutObject(_ *simulator.Context, obj mo.Reference) {
	switch obj := obj.(type) {
	case *simulator.Task:
		w.s.guardTask(obj)
	case *simulator.ClusterComputeResource:
		completeCluster(obj)
	}
}

// RemoveObject implements simulator.RegisterObject.
func (*taskWatcher) RemoveObject(*simulator.Context, types.ManagedObjectReference) {}

// UpdateObject implements simulator.RegisterObject.
func (w *taskWatcher) UpdateObject(_ *simulator.Context, obj mo.Reference, changes []types.PropertyChange) {
	task, ok := obj.(*mo.Task)
	if !ok {
		return
	}
	for _, c := range changes {
		if c.Name != "info.state" || (c.Val != types.TaskInfoStateError && c.Val != types.TaskInfoStateSuccess) {
			continue
		}
		w.s.changed()
		if task.Info.Error != nil {
			w.s.log.write(&entry{Task: task.Self.Value, Method: task.Info.Name, Fault: typeName(task.Info.Error.Fault)})
		}
	}
}
