package main

import "testing"

// TestAccounts: a second account, a new password, and an old account that goes while its session stays.
func TestAccounts(t *testing.T) {
	l := newLab(t)
	try := func(user, password, want string) {
		t.Helper()
		_, err := l.loginAs(user, password)
		if got := fault(err); got != want {
			t.Errorf("%s %s: %q, want %q", user, password, got, want)
		}
	}
	set := func(user, password string) {
		t.Helper()
		if status, body := l.tell("POST", "/do", `{"account":{"username":"`+user+`","password":"`+password+`"}}`); status != 204 {
			t.Fatal(status, body)
		}
	}
	old := l.s.scenario.VCenter
	try("nova-2@vsphere.local", "second", "InvalidLogin")
	set("nova-2@vsphere.local", "second")
	try("nova-2@vsphere.local", "second", "")
	try(old.Username, old.Password, "")
	set("nova-2@vsphere.local", "third")
	try("nova-2@vsphere.local", "second", "InvalidLogin")
	try("nova-2@vsphere.local", "third", "")
	set(old.Username, "")
	try(old.Username, old.Password, "InvalidLogin")
	try(old.Username, "", "InvalidLogin")
	if _, err := newSessions(l.c.Client).UserSession(l.ctx); err != nil {
		t.Errorf("the session of the account that is gone: %v", err)
	}
	if status, _ := l.tell("POST", "/do", `{"account":{"username":"","password":"x"}}`); status != 400 {
		t.Errorf("no name: %d", status)
	}
}
