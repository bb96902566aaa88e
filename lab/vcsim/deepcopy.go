package main

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/mo"
)

// moVirtualMachine names the embedded type; simulatorInstance is the root of everything.
type moVirtualMachine = mo.VirtualMachine

var simulatorInstance = vim25.ServiceInstance

// deepCopy copies a value of the API's types and replaces from by to in each string: a VM's name is in the names of
// its files. It is a hundred times as fast as through XML.
func deepCopy(v reflect.Value, from, to string) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(deepCopy(v.Elem(), from, to))
		return p
	case reflect.Interface:
		if v.IsNil() {
			return v
		}
		i := reflect.New(v.Type()).Elem()
		i.Set(deepCopy(v.Elem(), from, to))
		return i
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			c.Index(i).Set(deepCopy(v.Index(i), from, to))
		}
		return c
	case reflect.Struct:
		c := reflect.New(v.Type()).Elem()
		c.Set(v) // time.Time and the like have private fields only
		for i := range v.NumField() {
			if c.Field(i).CanSet() {
				c.Field(i).Set(deepCopy(v.Field(i), from, to))
			}
		}
		return c
	case reflect.String:
		c := reflect.New(v.Type()).Elem()
		c.SetString(strings.ReplaceAll(v.String(), from, to))
		return c
	}
	return v
}
