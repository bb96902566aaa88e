package main

import (
	"fmt"
	"log"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// A panic in a method ends neither the process nor the object. vpxd answers what it did not expect with the fault SystemError (API:
// SystemError, "a general system error occurred") and goes on; so do we, and write the stack to stderr.
//
// The simulator's locks (Registry.WithLock) are not released by a panic, and belong to the call's context. It does not tell who has which, so
// they are looked up in its private fields: panics_test.go fails when these change.

// calls are the SOAP calls under way.
type calls struct {
	mu      sync.Mutex
	of      map[uintptr]*simulator.Context // by address of the HTTP request
	pending map[*simulator.Context]bool
	tasks   map[*simulator.Context]types.ManagedObjectReference // entity of the task that runs in a call's context
}

func newCalls() *calls {
	return &calls{of: map[uintptr]*simulator.Context{}, pending: map[*simulator.Context]bool{}, tasks: map[*simulator.Context]types.ManagedObjectReference{}}
}

// note remembers the context of a call; Registry.Handler is the first who sees it.
func (c *calls) note(ctx *simulator.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if req := reflect.ValueOf(ctx).Elem().FieldByName("req"); req.IsValid() && !req.IsNil() {
		c.of[req.Pointer()] = ctx
		c.pending[ctx] = true
	}
}

// end forgets a request's call and gives its context, nil when there was none.
func (c *calls) end(r *http.Request) *simulator.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := reflect.ValueOf(r).Pointer()
	ctx := c.of[key]
	delete(c.of, key)
	delete(c.pending, ctx)
	return ctx
}

// wait waits until the call of a context has been answered, a second at most: it may hold locks of its own until then.
func (c *calls) wait(ctx *simulator.Context) {
	for range 1000 {
		c.mu.Lock()
		pending := c.pending[ctx]
		c.mu.Unlock()
		if !pending {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// begun notes that a task runs in a context, and gives the function that ends this.
func (c *calls) begun(ctx *simulator.Context, entity types.ManagedObjectReference) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tasks[ctx] = entity
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.tasks, ctx)
	}
}

func (c *calls) task(ctx *simulator.Context) *types.ManagedObjectReference {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ref, ok := c.tasks[ctx]; ok {
		return &ref
	}
	return nil
}

// panicked writes a panic to the simulator's log and gives the fault to answer with.
func panicked(what string, reason any) types.BaseMethodFault {
	log.Printf("panic in %s: %v\n%s", what, reason, debug.Stack())
	return &types.SystemError{Reason: fmt.Sprintf("the simulator failed in %s, see its log: %v", what, reason)}
}

// guarded serves a request; a panic is answered with a fault, or with 500 when it was no SOAP call.
func (s *server) guarded(serve http.HandlerFunc, e *entry) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			ctx := s.calls.end(r)
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler {
				panic(reason)
			}
			what := e.Method + " of " + e.Object
			if e.Method == "" {
				what = e.HTTP + " " + e.Path
			}
			fault := panicked(what, reason)
			if ctx != nil {
				releaseLocks(ctx, s.calls.task(ctx))
			}
			if e.Method != "" {
				writeFault(w, fault)
			} else {
				http.Error(w, "the simulator failed, see its log", http.StatusInternalServerError)
			}
		}()
		serve(w, r)
	}
}

// guard is for work in the background, to be deferred: a panic is logged, the locks of the work's context are released, and failed is told.
func (s *server) guard(what string, ctx *simulator.Context, failed func(types.BaseMethodFault)) {
	if reason := recover(); reason != nil {
		fault := panicked(what, reason)
		releaseLocks(ctx, nil)
		if failed != nil {
			failed(fault)
		}
	}
}

// guardTask makes a task of the simulator end in an error when it panics. Task.Run puts the task into the registry before it starts it.
func (s *server) guardTask(t *simulator.Task) {
	execute := t.Execute
	if execute == nil || t.Info.Entity == nil {
		return
	}
	entity, name := *t.Info.Entity, t.Info.Name
	ctx := taskContext(t)
	end := s.calls.begun(ctx, entity)
	t.Execute = func(t *simulator.Task) (result types.AnyType, fault types.BaseMethodFault) {
		defer func() {
			end()
			if reason := recover(); reason != nil {
				fault = panicked(fmt.Sprintf("%s of %s:%s", name, entity.Type, entity.Value), reason)
				if ctx != nil {
					s.calls.wait(ctx)
					releaseLocks(ctx, &entity) // Task.Run unlocks the entity itself
				}
			}
		}()
		return execute(t)
	}
}

// guardedRun runs the work of a task of ours. work is the context whose locks it takes, when it takes any.
func (s *server) guardedRun(work *simulator.Context, entity types.ManagedObjectReference, name string,
	run func() (types.AnyType, types.BaseMethodFault)) (result types.AnyType, fault types.BaseMethodFault) {
	defer func() {
		if reason := recover(); reason != nil {
			fault = panicked(fmt.Sprintf("%s of %s:%s", name, entity.Type, entity.Value), reason)
			s.calls.wait(work)
			releaseLocks(work, s.calls.task(work))
		}
	}()
	return run()
}

// taskContext is the context of a task.
func taskContext(t *simulator.Task) *simulator.Context {
	return (*simulator.Context)(reflect.ValueOf(t).Elem().FieldByName("ctx").UnsafePointer())
}

// releaseLocks releases the locks that a context holds; but one lock of keep, which somebody else releases.
func releaseLocks(ctx *simulator.Context, keep *types.ManagedObjectReference) {
	reg := reflect.ValueOf(ctx.Map).Elem()
	mu := (*sync.Mutex)(reg.FieldByName("m").Addr().UnsafePointer())
	locks := map[types.ManagedObjectReference]reflect.Value{}
	mu.Lock()
	for it := reg.FieldByName("locks").MapRange(); it.Next(); {
		key, lock := it.Key(), it.Value()
		ref := types.ManagedObjectReference{Type: key.FieldByName("Type").String(), Value: key.FieldByName("Value").String()}
		locks[ref] = reflect.NewAt(lock.Type().Elem(), lock.UnsafePointer())
	}
	mu.Unlock()
	self := reflect.ValueOf(ctx)
	for ref, lock := range locks {
		state := (*sync.Mutex)(lock.Elem().FieldByName("stateLock").Addr().UnsafePointer())
		state.Lock()
		count := int64(0)
		if by := lock.Elem().FieldByName("heldBy").Elem(); by.Kind() == reflect.Pointer && by.Pointer() == self.Pointer() {
			count = lock.Elem().FieldByName("count").Int()
		}
		state.Unlock()
		if keep != nil && ref == *keep {
			count--
		}
		for range count {
			lock.MethodByName("Release").Call([]reflect.Value{self})
		}
	}
}
