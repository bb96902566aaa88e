package main

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// running is what of a vCenter ends with its run.
type running struct {
	mu    sync.Mutex
	ctx   context.Context
	end   context.CancelFunc
	conns map[net.Conn]bool
	ended map[string]bool // keys of sessions that were ended
}

func newRunning() *running {
	ctx, end := context.WithCancel(context.Background())
	return &running{ctx: ctx, end: end, conns: map[net.Conn]bool{}, ended: map[string]bool{}}
}

// currentRun ends when the vCenter restarts.
func (s *server) currentRun() context.Context {
	s.running.mu.Lock()
	defer s.running.mu.Unlock()
	return s.running.ctx
}

// connState keeps the vCenter's open connections (http.Server.ConnState).
func (s *server) connState(c net.Conn, state http.ConnState) {
	s.running.mu.Lock()
	defer s.running.mu.Unlock()
	switch state {
	case http.StateNew:
		s.running.conns[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(s.running.conns, c)
	}
}

// outage does what concerns the whole vCenter. It is false for an action that concerns a request.
func (s *server) outage(a action) bool {
	switch {
	case a.Expire != nil:
		s.expire()
	case a.Restart != nil:
		s.restart()
	case a.Account != nil:
		s.accounts.set(a.Account.Username, a.Account.Password)
	case a.Full != nil:
		s.stores[a.Full.Datastore].setFree(a.Full.FreeBytes)
	default:
		return false
	}
	return true
}

// expire ends all sessions: calls are NotAuthenticated until a new login.
func (s *server) expire() {
	s.endREST()
	sm := s.reg.SessionManager()
	nobody := &simulator.Session{Registry: simulator.NewRegistry(), Map: s.reg}
	view, ok := nobody.Get(sm.Self).(*simulator.SessionManager)
	if !ok {
		return
	}
	for _, session := range view.SessionList {
		s.running.mu.Lock()
		s.running.ended[session.Key] = true
		s.running.mu.Unlock()
		sm.TerminateSession(&simulator.Context{Map: s.reg, Session: nobody}, &types.TerminateSession{SessionId: []string{session.Key}})
	}
}

// dropEnded takes the cookie of a session that was ended off a request. The simulator stores a session again at each
// call, so a call that was under way would bring it back.
func (s *server) dropEnded(r *http.Request) {
	s.running.mu.Lock()
	defer s.running.mu.Unlock()
	if len(s.running.ended) == 0 {
		return
	}
	cookies := r.Cookies()
	r.Header.Del("Cookie")
	for _, c := range cookies {
		if c.Name != sessionCookie || !s.running.ended[strings.Trim(c.Value, `"`)] {
			r.AddCookie(c)
		}
	}
}

// restart is a vCenter that ends and starts again: connections to it are cut; sessions, tickets, leases and tasks are
// gone. Inventory and files stay, with what open leases have made. Hosts go on, so uploads to them do, and so does
// the work of tasks that has begun.
func (s *server) restart() {
	s.expire()
	s.tickets.mu.Lock()
	clear(s.tickets.open)
	s.tickets.mu.Unlock()
	s.leases.mu.Lock()
	clear(s.leases.open)
	s.leases.mu.Unlock()
	s.exports.Clear()

	s.running.mu.Lock()
	s.running.end()
	s.running.ctx, s.running.end = context.WithCancel(context.Background())
	var conns []net.Conn
	for c := range s.running.conns {
		conns = append(conns, c)
	}
	s.running.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}

	ctx := &simulator.Context{Context: context.Background(), Map: s.reg}
	for _, t := range s.reg.AllReference("Task") {
		s.reg.Remove(ctx, t.Reference())
	}
	if tm, ok := s.reg.Get(*s.reg.Get(simulatorInstance).(*simulator.ServiceInstance).Content.TaskManager).(*simulator.TaskManager); ok {
		s.reg.WithLock(ctx, tm, func() { tm.RecentTask = nil })
	}
	for _, dc := range s.reg.All("Datacenter") { // the entity of our tasks
		s.reg.WithLock(ctx, dc, func() { dc.Entity().RecentTask = nil })
	}
}

// setFree sets how much is free on a datastore now, in bytes.
func (v *volume) setFree(n int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.used = v.count()
	v.stale.Store(false)
	v.free = n + (v.used - v.base) + v.pending
}
