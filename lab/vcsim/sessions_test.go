package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

func newSessions(c *vim25.Client) *session.Manager { return session.NewManager(c) }

func TestLogin(t *testing.T) {
	l := newLab(t)
	if _, err := l.login("wrong"); fault(err) != "InvalidLogin" {
		t.Errorf("wrong password: %v", err)
	}
	a := l.c.ServiceContent.About
	if a.Version != "8.0.3" || a.ApiType != "VirtualCenter" || a.InstanceUuid != stableUUID("vcenter", "vc-test") {
		t.Errorf("about: %+v", a)
	}
	res, err := l.http.Post("https://"+l.s.listen+"/sdk", "text/xml", strings.NewReader(`<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><Login xmlns="urn:vim25"><_this type="SessionManager">SessionManager</_this><userName>nova@vsphere.local</userName><password>lab &amp; &lt;word></password></Login></e:Body></e:Envelope>`))
	l.must(err)
	_ = res.Body.Close()
	if len(res.Cookies()) != 1 || !res.Cookies()[0].Secure || !res.Cookies()[0].HttpOnly || res.Cookies()[0].Path != "/" {
		t.Errorf("cookies %v", res.Cookies())
	}
}

func (l *lab) ticket(method, u string) string {
	l.Helper()
	res, err := methods.AcquireGenericServiceTicket(l.ctx, l.c.Client, &types.AcquireGenericServiceTicket{This: *l.c.ServiceContent.SessionManager,
		Spec: &types.SessionManagerHttpServiceRequestSpec{Method: method, Url: u}})
	l.must(err)
	return fmt.Sprintf(`%s="%s"`, ticketCookie, res.Returnval.Id)
}

func TestTickets(t *testing.T) {
	l := newLab(t)
	at := func(host, ds, name string) string {
		return fmt.Sprintf("https://%s:%s/folder/%s?dcPath=ha-datacenter&dsName=%s", host, l.s.port, name, ds)
	}
	u := at("127.78.1.11", "ds-a", "x%20y.bin")
	for _, c := range []struct {
		what, url, ticket string
		want              int
	}{
		{"no ticket", u, "", 401},
		{"session cookie at a host", u, l.cookie(), 401},
		{"unknown ticket", u, ticketCookie + "=no", 401},
		{"other method", u, l.ticket("httpGet", u), 401},
		{"other file", u, l.ticket("httpPut", at("127.78.1.11", "ds-a", "z.bin")), 401},
		{"other host", u, l.ticket("httpPut", at("127.78.1.12", "ds-a", "x%20y.bin")), 401},
		{"not mounted", at("127.78.2.11", "ds-a", "x"), l.ticket("PUT", at("127.78.2.11", "ds-a", "x")), 404},
		{"inventory path at a host", strings.Replace(u, "ha-datacenter", "dc1", 1), l.ticket("PUT", strings.Replace(u, "ha-datacenter", "dc1", 1)), 404},
		{"good, as Nova asks: no port", u, l.ticket("PUT", strings.Replace(u, ":"+l.s.port, "", 1)), 201},
		{"good, as the API asks", u, l.ticket("httpPut", u), 200},
	} {
		if got, _ := l.request(http.MethodPut, c.url, c.ticket, "data"); got != c.want {
			t.Errorf("%s: %d, want %d", c.what, got, c.want)
		}
	}
	once := l.ticket("httpPut", u)
	l.request(http.MethodPut, u, once, "data")
	if got, _ := l.request(http.MethodPut, u, once, "data"); got != 401 {
		t.Errorf("second use: %d", got)
	}
	if !l.exists("[ds-a] x y.bin") {
		t.Error("file is not there")
	}
}
