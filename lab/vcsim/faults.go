package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
	"github.com/vmware/govmomi/vim25/xml"
)

// serveBroken serves a request in the way that a rule breaks it. It is true when the connection is to be cut.
func (s *server) serveBroken(do action, out *counted, r *http.Request, e *entry, serve http.HandlerFunc) (cut bool) {
	switch {
	case do.Cut != nil:
		out.ResponseWriter = nowhere{}
		if do.Cut.AfterBytes != nil {
			r.Body = &cutBody{r.Body, *do.Cut.AfterBytes}
		}
		cut = true
	case do.Stall != nil:
		pause(r.Context(), do.Stall.Seconds)
	case do.Slow != nil:
		r.Body = &slowBody{r.Body, do.Slow.BytesPerSecond}
	case do.Status != nil:
		text := fmt.Sprintf("%d %s", do.Status.Code, http.StatusText(do.Status.Code))
		if !do.Status.AtOnce {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		refuse(out, r, do.Status.Code, text)
		return false
	case do.Short != nil:
		r = r.WithContext(context.WithValue(r.Context(), shortKey{}, do.Short.Bytes))
	case do.Fault != nil && !do.Fault.Task:
		writeFault(out, newFault(do.Fault.Name))
		return false
	case do.Fault != nil && s.hasSession(r): // else the call fails anyway
		fault := newFault(do.Fault.Name)
		s.answerWithTask(out, e, func() (types.AnyType, types.BaseMethodFault) { return nil, fault })
		return false
	case do.Hang != nil && s.hasSession(r):
		s.answerWithTask(out, e, s.hung(do.Hang.Seconds, r, serve))
		return false
	case do.Half != nil:
		move := e.Args["sourceName"] + "\n" + e.Args["destinationName"]
		s.halves.Store(move, true)
		defer s.halves.Delete(move) // when the call was refused
	case do.Restart != nil:
		s.restart()
		if listenerHosts(r) == nil {
			out.ResponseWriter = nowhere{}
			return true
		}
	default:
		s.outage(do)
	}
	serve(out, r)
	return cut
}

// pause waits some seconds, or until ctx ends.
func pause(ctx context.Context, seconds float64) {
	select {
	case <-time.After(time.Duration(seconds * float64(time.Second))):
	case <-ctx.Done():
	}
}

var errCut = errors.New("the connection was cut")

// cutBody is a body that breaks off after left bytes. One that is no longer is read whole.
type cutBody struct {
	io.ReadCloser
	left int64
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		// Whether there is more decides: a body that ends here is whole.
		if n, err := b.ReadCloser.Read(p[:min(1, len(p))]); n == 0 {
			return 0, err
		}
		return 0, errCut
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// slowBody is a body that comes with rate bytes a second.
type slowBody struct {
	io.ReadCloser
	rate int64
}

func (b *slowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), max(1, b.rate/10))])
	time.Sleep(time.Duration(n) * time.Second / time.Duration(b.rate))
	return n, err
}

// nowhere takes an answer that nobody is to get.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// shortKey is the key of a request's context for how many bytes of its upload are kept.
type shortKey struct{}

// shorten cuts an upload's file to what a rule says is kept of it.
func shorten(ctx context.Context, name string) error {
	keep, ok := ctx.Value(shortKey{}).(int64)
	if !ok {
		return nil
	}
	info, err := os.Stat(name)
	if err != nil || info.Size() <= keep {
		return err
	}
	return os.Truncate(name, keep)
}

// newType is a pointer to an empty value of an API type, nil when there is none of that name.
func newType(name string) any {
	t, ok := types.TypeFunc()(name)
	if !ok || t.Kind() != reflect.Struct {
		return nil
	}
	return reflect.New(t).Interface()
}

const envelope = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>%s</soapenv:Body></soapenv:Envelope>`

// writeFault answers a SOAP call with a fault, in the simulator's form.
func writeFault(w http.ResponseWriter, fault types.BaseMethodFault) {
	var detail, text bytes.Buffer
	_ = xml.EscapeText(&text, []byte(faultMessage(fault)))
	name := typeName(fault)
	start := xml.StartElement{Name: xml.Name{Local: name + "Fault"}, Attr: []xml.Attr{
		{Name: xml.Name{Local: "xmlns"}, Value: "urn:vim25"}, {Name: xml.Name{Local: "xsi:type"}, Value: name}}}
	enc := xml.NewEncoder(&detail)
	if err := errors.Join(enc.EncodeElement(fault, start), enc.Flush()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(http.StatusInternalServerError)
	fmt.Fprintf(w, envelope, fmt.Sprintf("<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>%s</faultstring><detail>%s</detail></soapenv:Fault>", &text, &detail))
}

// answerWithTask answers a call of a _Task method with a task of ours that does run.
func (s *server) answerWithTask(w http.ResponseWriter, e *entry, run func() (types.AnyType, types.BaseMethodFault)) {
	kind, _, _ := strings.Cut(e.Object, ":")
	ctx := &simulator.Context{Context: context.Background(), Map: s.reg}
	ref := s.runTask(ctx, s.taskEntity(nil), kind+"."+e.Method, run)
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	fmt.Fprintf(w, envelope, fmt.Sprintf(`<%[1]sResponse xmlns="urn:vim25"><returnval type="Task">%[2]s</returnval></%[1]sResponse>`, e.Method, ref.Value))
}

// hung is the work of a task that hangs first: the call is done at the end, in a session of its own, since the
// client's may be over by then. After a restart of the vCenter it is never done.
func (s *server) hung(seconds float64, r *http.Request, serve http.HandlerFunc) func() (types.AnyType, types.BaseMethodFault) {
	body, err := io.ReadAll(r.Body)
	run := s.currentRun()
	r = r.Clone(context.Background())
	return func() (types.AnyType, types.BaseMethodFault) {
		if err != nil {
			return nil, &types.InvalidRequest{}
		}
		if pause(run, seconds); run.Err() != nil {
			runtime.Goexit() // the task is gone, so there is nobody to tell
		}
		end := s.lendSession(r)
		defer end()
		r.Body = io.NopCloser(bytes.NewReader(body))
		var answer recorded
		serve(&answer, r)
		m := taskAnswer.FindSubmatch(answer.Bytes())
		if m == nil {
			return nil, answeredFault(faultType.FindSubmatch(answer.Bytes()))
		}
		return s.waitTask(types.ManagedObjectReference{Type: "Task", Value: string(m[1])})
	}
}

// taskAnswer finds the task in a call's answer.
var taskAnswer = regexp.MustCompile(`<returnval[^>]*type="Task"[^>]*>([^<]+)</returnval>`)

// answeredFault is the fault that a call's answer names.
func answeredFault(m [][]byte) types.BaseMethodFault {
	if m != nil {
		if f := newFault(string(m[1])); f != nil {
			return f
		}
	}
	return &types.RuntimeFault{}
}

// lendSession gives a request a new session, which ends with the function that it returns.
func (s *server) lendSession(r *http.Request) func() {
	sm := s.reg.SessionManager()
	user := types.UserSession{UserName: s.scenario.VCenter.Username}
	if name, ok := s.sessionUser(r); ok {
		user.UserName = name
	}
	ctx := &simulator.Context{Context: context.Background(), Map: s.reg,
		Session: &simulator.Session{UserSession: user, Registry: simulator.NewRegistry(), Map: s.reg}}
	key := sm.AcquireCloneTicket(ctx, nil).(*methods.AcquireCloneTicketBody).Res.Returnval
	r.Header.Set("Cookie", sessionCookie+"="+key)
	return func() { sm.TerminateSession(ctx, &types.TerminateSession{SessionId: []string{key}}) }
}

// recorded keeps an answer.
type recorded struct{ bytes.Buffer }

func (*recorded) Header() http.Header { return http.Header{} }
func (*recorded) WriteHeader(int)     {}
