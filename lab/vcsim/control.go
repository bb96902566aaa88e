package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

// rule breaks requests: those that When names, the Nth of them or each, in the way that Do says.
type rule struct {
	ID   int    `json:"id"`
	When when   `json:"when"`
	Nth  int    `json:"nth"` // counted from the time when the rule came; 0 is each
	Do   action `json:"do"`

	Seen  int `json:"seen"`  // requests that When names
	Fired int `json:"fired"` // of them those that were broken

	path *regexp.Regexp
}

// when names requests. What is set must all be true of a request.
type when struct {
	Seq    int    `json:"seq,omitempty"`    // the request of this number from now, whatever it is
	Method string `json:"method,omitempty"` // of a SOAP call
	HTTP   string `json:"http,omitempty"`   // PUT and so on
	Path   string `json:"path,omitempty"`   // regular expression, found anywhere in the URL's path
}

// action is one way to break a request; exactly one field is set.
type action struct {
	Cut     *cutAction     `json:"cut,omitempty"`
	Stall   *waitAction    `json:"stall,omitempty"`
	Slow    *slowAction    `json:"slow,omitempty"`
	Status  *statusAction  `json:"status,omitempty"`
	Short   *shortAction   `json:"short,omitempty"`
	Fault   *faultAction   `json:"fault,omitempty"`
	Hang    *waitAction    `json:"hang,omitempty"`
	Half    *struct{}      `json:"half,omitempty"`
	Expire  *struct{}      `json:"expire,omitempty"`
	Restart *struct{}      `json:"restart,omitempty"`
	Full    *fullAction    `json:"full,omitempty"`
	Account *accountAction `json:"account,omitempty"`
}

type (
	cutAction struct {
		AfterBytes *int64 `json:"after_bytes,omitempty"` // of the request's body; unset: before the answer
	}
	waitAction struct {
		Seconds float64 `json:"seconds"`
	}
	slowAction struct {
		BytesPerSecond int64 `json:"bytes_per_second"`
	}
	statusAction struct {
		Code   int  `json:"code"`
		AtOnce bool `json:"at_once,omitempty"` // before the body is read, else after it
	}
	shortAction struct {
		Bytes int64 `json:"bytes"` // how much of the file is kept
	}
	faultAction struct {
		Name string `json:"name"`           // the API's, such as FileLocked
		Task bool   `json:"task,omitempty"` // as the end of a task, else as the call's answer
	}
	accountAction struct {
		Username string `json:"username"`
		Password string `json:"password"` // empty: the account goes
	}
	fullAction struct {
		Datastore string `json:"datastore"`
		FreeBytes int64  `json:"free_bytes"`
	}
)

// longest is how long a stall or a hang may be, in seconds.
const longest = 3600

// check says what is wrong with an action.
func (s *server) check(a action) error {
	var m map[string]json.RawMessage
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &m); err != nil || len(m) != 1 {
		return errors.New("do: one of cut, stall, slow, status, short, fault, hang, half, expire, restart, full, account")
	}
	inTime := func(w *waitAction) bool { return w == nil || w.Seconds > 0 && w.Seconds <= longest }
	switch {
	case a.Cut != nil && a.Cut.AfterBytes != nil && *a.Cut.AfterBytes < 0:
		return errors.New("cut: after_bytes is less than 0")
	case !inTime(a.Stall) || !inTime(a.Hang):
		return fmt.Errorf("seconds: more than 0, at most %d", longest)
	case a.Slow != nil && a.Slow.BytesPerSecond < 1:
		return errors.New("slow: bytes_per_second is less than 1")
	case a.Status != nil && (a.Status.Code < 200 || a.Status.Code > 599):
		return errors.New("status: code is not from 200 to 599")
	case a.Short != nil && a.Short.Bytes < 0:
		return errors.New("short: bytes is less than 0")
	case a.Fault != nil && newFault(a.Fault.Name) == nil:
		return fmt.Errorf("fault: %q is no fault of the API", a.Fault.Name)
	case a.Account != nil && a.Account.Username == "":
		return errors.New("account: username is empty")
	case a.Full != nil && s.stores[a.Full.Datastore] == nil:
		return fmt.Errorf("full: there is no datastore %q", a.Full.Datastore)
	case a.Full != nil && (a.Full.FreeBytes < 0 || a.Full.FreeBytes > s.stores[a.Full.Datastore].capacity):
		return errors.New("full: free_bytes is not between 0 and the capacity")
	}
	return nil
}

// applies says whether an action can be done to a request. A fault and a hang are of SOAP calls, a short upload is
// one of a file.
func (a action) applies(e *entry, path string) bool {
	isTask := strings.HasSuffix(e.Method, "_Task")
	switch {
	case a.Fault != nil && a.Fault.Task, a.Hang != nil:
		return isTask
	case a.Fault != nil:
		return e.Method != "" || e.HTTP == pullEntry
	case a.Half != nil:
		return e.Method == "MoveDatastoreFile_Task"
	case a.Short != nil:
		return e.HTTP == http.MethodPut && strings.HasPrefix(path, "/folder/") || isLeaseUpload(e.HTTP, path) || e.HTTP == pullEntry
	}
	return true
}

func isLeaseUpload(method, path string) bool {
	return (method == http.MethodPut || method == http.MethodPost) && strings.HasPrefix(path, "/nfc/")
}

// rules are the rules in force. The zero value has none.
type rules struct {
	mu   sync.Mutex
	last int // the newest rule's id; ids are not used again, so that they are plain in the log
	list []*rule
}

func (rs *rules) add(r *rule) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.last++
	r.ID = rs.last
	rs.list = append(rs.list, r)
}

func (rs *rules) clear() {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.list = nil
}

// all are copies of the rules, oldest first.
func (rs *rules) all() []rule {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	out := []rule{}
	for _, r := range rs.list {
		out = append(out, *r)
	}
	return out
}

// fire counts a request and finds the rule that breaks it: the oldest of those whose turn it is. The id is 0 for none.
func (rs *rules) fire(e *entry, path string) (id int, do action) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.list {
		w := r.When
		if w.Method != "" && w.Method != e.Method || w.HTTP != "" && w.HTTP != e.HTTP || r.path != nil && !r.path.MatchString(path) {
			continue
		}
		r.Seen++
		turn := r.Nth
		if w.Seq > 0 {
			turn = w.Seq
		}
		if id == 0 && (turn == 0 || r.Seen == turn) && r.Do.applies(e, path) {
			r.Fired++
			id, do = r.ID, r.Do
		}
	}
	return id, do
}

// newRule reads and checks a rule.
func (s *server) newRule(r *http.Request) (*rule, error) {
	var in struct {
		When when   `json:"when"`
		Nth  int    `json:"nth"`
		Do   action `json:"do"`
	}
	if err := decode(r, &in); err != nil {
		return nil, err
	}
	out := &rule{When: in.When, Nth: in.Nth, Do: in.Do}
	switch w := in.When; {
	case w == when{}:
		return nil, errors.New("when: one of seq, method, http, path")
	case w.Seq < 0 || in.Nth < 0:
		return nil, errors.New("seq and nth: not less than 0")
	case w.Seq > 0 && (w != when{Seq: w.Seq} || in.Nth > 0):
		return nil, errors.New("when: seq stands alone, and without nth")
	case w.Path != "":
		var err error
		if out.path, err = regexp.Compile(w.Path); err != nil {
			return nil, fmt.Errorf("when: path: %w", err)
		}
	}
	return out, s.check(in.Do)
}

// decode reads a JSON request; a key that is not known is an error.
func decode(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// startControl listens on the unix socket that -control names, which only the user may open.
func (s *server) startControl() error {
	if info, err := os.Lstat(s.control); err == nil && info.Mode().Type() == fs.ModeSocket {
		_ = os.Remove(s.control) // a run that was killed has left it
	}
	old := syscall.Umask(0177)
	l, err := net.Listen("unix", s.control)
	syscall.Umask(old)
	if err != nil {
		return fmt.Errorf("-control: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rules", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, s.rules.all()) })
	mux.HandleFunc("DELETE /rules", func(w http.ResponseWriter, _ *http.Request) {
		s.rules.clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("POST /rules", func(w http.ResponseWriter, r *http.Request) {
		rule, err := s.newRule(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.rules.add(rule)
		reply(w, http.StatusCreated, map[string]int{"id": rule.ID})
	})
	mux.HandleFunc("POST /do", func(w http.ResponseWriter, r *http.Request) {
		var a action
		err := decode(r, &a)
		if err == nil {
			err = s.check(a)
		}
		if err == nil && !s.outage(a) {
			err = errors.New("one of expire, restart, full, account")
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	s.serve(hs, l)
	return nil
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Printf("control: %v", err)
	}
}

// newFault is an empty fault of that name, nil when the API has none.
func newFault(name string) types.BaseMethodFault {
	fault, _ := newType(name).(types.BaseMethodFault)
	return fault
}
