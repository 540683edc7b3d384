import koffi from "koffi";

/*
 * libvirt's own client library, driven through every procedure we speak. Run as a program of its own by
 * `record-libvirt.ts`, as its calls block: `node libvirt-client.ts URI UUID < domain.xml`.
 */
const lib = koffi.load("libvirt.so.0");
const [uri, uuid] = process.argv.slice(2) as [string, string];
const xml = await new Response(ReadableStream.from(process.stdin)).text();

const connect = lib.func("void *virConnectOpen(const char *uri)");
const call = (name: string, ...types: string[]) => lib.func(name, "int", types);
const give = (name: string, ...types: string[]) => lib.func(name, "void *", types);

call("virEventRegisterDefaultImpl")();
const conn: unknown = connect(uri);
const listener = koffi.register(
  () => 0,
  koffi.pointer(koffi.proto("int Lifecycle(void *c, void *d, int event, int detail, void *o)")),
);
call(
  "virConnectDomainEventRegisterAny",
  "void *",
  "void *",
  "int",
  "void *",
  "void *",
  "void *",
)(conn, null, 0, listener, null, null);
call("virConnectGetLibVersion", "void *", "void *")(conn, Buffer.alloc(8));
call("virNodeGetInfo", "void *", "void *")(conn, Buffer.alloc(128));
lib.func("virNodeGetFreeMemory", "uint64_t", ["void *"])(conn);
give("virDomainLookupByName", "void *", "const char *")(conn, "no such domain");

const domain: unknown = give("virDomainDefineXMLFlags", "void *", "const char *", "uint32_t")(conn, xml, 0);
give("virDomainLookupByUUIDString", "void *", "const char *")(conn, uuid);
call("virDomainCreateWithFlags", "void *", "uint32_t")(domain, 1);
call("virDomainGetState", "void *", "void *", "void *", "uint32_t")(domain, Buffer.alloc(4), Buffer.alloc(4), 0);
call("virDomainResume", "void *")(domain);
call("virDomainSuspend", "void *")(domain);
call("virDomainResume", "void *")(domain);
give("virDomainGetXMLDesc", "void *", "uint32_t")(domain, 0);
call("virDomainGetInfo", "void *", "void *")(domain, Buffer.alloc(64));
const [BALLOON, NO_WAIT] = [4, 2 ** 29];
lib.func("int virDomainListGetStats(void **domains, uint32_t stats, _Out_ void **records, uint32_t flags)")(
  [domain, null],
  BALLOON,
  [null],
  NO_WAIT,
);
call("virConnectListAllDomains", "void *", "void *", "uint32_t")(conn, Buffer.alloc(8), 3);
lib.func("virConnectGetCapabilities", "char *", ["void *"])(conn);
const SYSTEM = 1; // Of all devices the one that every machine has: "computer".
const devices: unknown[] = [null];
lib.func("int virConnectListAllNodeDevices(void *conn, _Out_ void **devices, uint32_t flags)")(conn, devices, SYSTEM);
lib.func("virNodeDeviceGetXMLDesc", "char *", ["void *", "uint32_t"])(koffi.decode(devices[0], "void *"), 0);
const stream: unknown = give("virStreamNew", "void *", "uint32_t")(conn, 0);
call("virDomainOpenConsole", "void *", "const char *", "void *", "uint32_t")(domain, null, stream, 0);
call("virStreamAbort", "void *")(stream);
call("virDomainGetJobInfo", "void *", "void *")(domain, Buffer.alloc(128));
call(
  "virDomainGetJobStats",
  "void *",
  "void *",
  "void *",
  "void *",
  "uint32_t",
)(domain, Buffer.alloc(4), Buffer.alloc(8), Buffer.alloc(4), 1);
call("virDomainAbortJob", "void *")(domain);
call(
  "virDomainBackupBegin",
  "void *",
  "const char *",
  "const char *",
  "uint32_t",
)(domain, "<domainbackup mode='push'/>", null, 0);
lib.func("virDomainBackupGetXMLDesc", "char *", ["void *", "uint32_t"])(domain, 0);
call("virDomainShutdownFlags", "void *", "uint32_t")(domain, 0);
call("virDomainDestroyFlags", "void *", "uint32_t")(domain, 0);
call("virDomainReboot", "void *", "uint32_t")(domain, 0);
call("virDomainUndefineFlags", "void *", "uint32_t")(domain, 7);
call("virConnectClose", "void *")(conn);
process.exit(0);
