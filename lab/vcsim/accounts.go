package main

import (
	"sync"

	"github.com/vmware/govmomi/vim25/types"
)

// accounts are who may log in. A login that is there stays when its account goes or gets another password, as in vSphere.
type accounts struct {
	mu        sync.Mutex
	passwords map[string]string
	names     []string // all that there were: their sessions may be there still
	confined  map[string]bool
}

// confine makes an account have what its permissions give it, nothing when it has none.
func (a *accounts) confine(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.confined == nil {
		a.confined = map[string]bool{}
	}
	a.confined[name] = true
}

// limited says whether an account has nothing without a permission. Others may do everything then.
func (a *accounts) limited(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.confined[name]
}

// set makes an account, changes its password, or with an empty password removes it.
func (a *accounts) set(name, password string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.passwords == nil {
		a.passwords = map[string]string{}
	}
	a.names = append(a.names, name)
	if a.passwords[name] = password; password == "" {
		delete(a.passwords, name)
	}
}

// take says whether an account has this password.
func (a *accounts) take(name, password string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return password != "" && a.passwords[name] == password
}

// is says whether there is an account of this name.
func (a *accounts) is(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.passwords[name] != ""
}

// known are the names of all accounts that there were.
func (a *accounts) known() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.names
}

func (a *accounts) login(req *types.Login) bool { return a.take(req.UserName, req.Password) }
