package main

import (
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// sessionManager is SessionManager (gaps 2 and 4). Login stays the simulator's: it takes the accounts that there
// are (accounts.go).
type sessionManager struct{ own }

// ticketCookie is the cookie that carries a service ticket (oslo_vmware/constants.py CGI_COOKIE_KEY).
const ticketCookie = "vmware_cgi_ticket"

// sessionCookie is the SOAP session's cookie, which a vCenter's /folder takes as well.
const sessionCookie = soap.SessionCookieName

// tickets are the service tickets that were not used yet.
type tickets struct {
	mu   *sync.Mutex
	open map[string]ticket
}

// ticket is good for one request of this method and URL.
type ticket struct {
	method, url string
	user        string // whose it is
	expires     time.Time
}

func newTickets() tickets { return tickets{new(sync.Mutex), map[string]ticket{}} }

// ticketLife is how long a ticket is good (vSphere's is of the order of two minutes).
const ticketLife = 2 * time.Minute

// AcquireGenericServiceTicket gives a ticket for one HTTP request (API: SessionManager.AcquireGenericServiceTicket,
// SessionManagerHttpServiceRequestSpec). oslo.vmware asks for one with the URL of the host's /folder
// (oslo_vmware/objects/datastore.py DatastoreURL.get_transfer_ticket). The method is "PUT" there and "httpPut" in
// the API.
func (m *sessionManager) AcquireGenericServiceTicket(ctx *simulator.Context, req *types.AcquireGenericServiceTicket) soap.HasFault {
	body := new(methods.AcquireGenericServiceTicketBody)
	spec, ok := req.Spec.(*types.SessionManagerHttpServiceRequestSpec)
	if !ok {
		body.Fault_ = soapFault(&types.InvalidArgument{InvalidProperty: "spec"})
		return body
	}
	u, err := url.Parse(spec.Url)
	if err != nil || u.Path == "" {
		body.Fault_ = soapFault(&types.InvalidArgument{InvalidProperty: "spec.url"})
		return body
	}
	method := strings.ToUpper(strings.TrimPrefix(spec.Method, "http"))
	if method == "" {
		method = http.MethodGet
	}
	id := uuid.NewString()
	m.tickets.mu.Lock()
	for k, t := range m.tickets.open {
		if time.Now().After(t.expires) {
			delete(m.tickets.open, k)
		}
	}
	m.tickets.open[id] = ticket{method, ticketURL(u, u.Host), ctx.Session.UserName, time.Now().Add(ticketLife)}
	m.tickets.mu.Unlock()
	body.Res = &types.AcquireGenericServiceTicketResponse{Returnval: types.SessionManagerGenericServiceTicket{Id: id, HostName: u.Hostname()}}
	m.nameCertificate(&body.Res.Returnval)
	return body
}

// ticketURL is a URL in the form that tickets are compared in: host, path and query, each decoded. The port is left
// out: Nova names none (nova/virt/vmwareapi/vmops.py _get_esx_host_and_cookies), since it is 443 on vSphere.
func ticketURL(u *url.URL, host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(host) + u.Path + "?" + u.Query().Encode()
}

// takeTicket says whether the request carries a ticket that is good for it, and whose it is. The ticket is used up.
func (s *server) takeTicket(r *http.Request) (user string, ok bool) {
	c, err := r.Cookie(ticketCookie)
	if err != nil {
		return "", false
	}
	id := strings.Trim(c.Value, `"`)
	s.tickets.mu.Lock()
	t, ok := s.tickets.open[id]
	delete(s.tickets.open, id)
	s.tickets.mu.Unlock()
	return t.user, ok && t.method == r.Method && time.Now().Before(t.expires) && t.url == ticketURL(r.URL, r.Host)
}

// hasSession says whether the request carries the cookie of a live session.
func (s *server) hasSession(r *http.Request) bool {
	_, ok := s.sessionUser(r)
	return ok
}

// sessionUser is the account of the live session whose cookie the request carries.
func (s *server) sessionUser(r *http.Request) (string, bool) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return "", false
	}
	for _, name := range s.accounts.known() {
		body := s.reg.SessionManager().SessionIsActive(&simulator.Context{Map: s.reg}, &types.SessionIsActive{
			SessionID: strings.Trim(c.Value, `"`), UserName: name}).(*methods.SessionIsActiveBody)
		if body.Res != nil && body.Res.Returnval {
			return name, true
		}
	}
	return "", false
}

// passwordUser is the account whose name and password the request carries, as community.vmware's vsphere_copy sends
// them to /folder.
func (s *server) passwordUser(r *http.Request) (string, bool) {
	user, password, ok := r.BasicAuth()
	return user, ok && s.accounts.take(user, password)
}

// folderUser is the account that asks for a file at /folder: at the vCenter that of a ticket, a session or a password, at a host that of a ticket.
func (s *server) folderUser(r *http.Request) (string, bool) {
	if user, ok := s.takeTicket(r); ok {
		return user, true
	}
	if listenerHosts(r) != nil {
		return "", false
	}
	if user, ok := s.sessionUser(r); ok {
		return user, true
	}
	return s.passwordUser(r)
}

// needsSession says whether a property read is of more than a client may see before it has logged in: ServiceInstance
// and SessionManager (API: ServiceInstance.content and SessionManager.Login want System.Anonymous, most others
// System.View). The simulator refuses other calls without a session, but no property reads.
func needsSession(ctx *simulator.Context, m *simulator.Method) bool {
	if ctx.Session != nil {
		return false
	}
	var specs []types.PropertyFilterSpec
	switch req := m.Body.(type) {
	case *types.RetrievePropertiesEx:
		specs = req.SpecSet
	case *types.RetrieveProperties:
		specs = req.SpecSet
	default:
		if m.Name != "Fetch" {
			return false
		}
		ref, _ := reflect.ValueOf(m.Body).Elem().FieldByName("This").Interface().(types.ManagedObjectReference)
		specs = []types.PropertyFilterSpec{{ObjectSet: []types.ObjectSpec{{Obj: ref}}}}
	}
	for _, spec := range specs {
		for _, o := range spec.ObjectSet {
			if o.Obj.Type != "ServiceInstance" && o.Obj.Type != "SessionManager" {
				return true
			}
		}
	}
	return false
}
