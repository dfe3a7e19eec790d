// What the checks have Thunderbird do, with the objects behind its own windows. The last line runs the one
// that is asked for.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

const msgWindow = () => Services.wm.getMostRecentWindow("mail:3pane").msgWindow;
const account = (key) => MailServices.accounts.getAccount(key);
const folder = (key, path) => path.split("/").reduce(
  (found, name) => found.getChildNamed(name), account(key).incomingServer.rootFolder);
const imapFolder = (key, path) => folder(key, path).QueryInterface(Ci.nsIMsgImapMailFolder);
const subjects = (headers) => [...headers].map((one) => one.mime2DecodedSubject).sort();

function header(key, path, subject) {
  const found = [...folder(key, path).messages].filter((one) => one.mime2DecodedSubject === subject);
  if (found.length !== 1) {
    throw new Error(`${found.length} of ${subject}`);
  }
  return found[0];
}

// The end of what reports to a listener.
function finished(kinds, start) {
  return new Promise((resolve, reject) => {
    const end = (status) => {
      Components.isSuccessCode(status) ? resolve() : reject(new Error(`ended with 0x${(status >>> 0).toString(16)}`));
    };
    const nothing = () => {};
    start({
      QueryInterface: ChromeUtils.generateQI(kinds),
      OnStartRunningUrl: nothing, OnStopRunningUrl: (_url, status) => end(status),
      onStartCopy: nothing, onProgress: nothing, setMessageKey: nothing, getMessageId: () => null, onStopCopy: end,
      onStartSending: nothing, onSendProgress: nothing, onStatus: nothing, onGetDraftFolderURI: nothing,
      onSendNotPerformed: nothing, onTransportSecurityError: nothing,
      // Of a message that was sent, the copy is still to come.
      onStopSending: (_id, status) => Components.isSuccessCode(status) || end(status),
    });
  });
}
const fetched = (start) => finished(["nsIUrlListener"], start);
const copied = (start) => finished(["nsIMsgCopyServiceListener"], start);

async function remember(scheme, address, password) {
  const origin = `${scheme}://localhost`;
  const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
  login.init(origin, null, origin, address, password, "", "");
  await Services.logins.addLoginAsync(login);
}

function connection(server, { port, security, method }) {
  server.port = port;
  server.socketType = Ci.nsMsgSocketType[security];
  server.authMethod = Ci.nsMsgAuthMethod[method];
}

const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);

const actions = {
  trust: (base64) => void certificates.addCertFromBase64(base64, "C,C,C"),

  // As "Confirm Security Exception" does: of a certificate that is its own authority.
  acceptAt: (base64, ports) => ports.forEach((port) => Cc["@mozilla.org/security/certoverride;1"].getService(
    Ci.nsICertOverrideService).rememberValidityOverride("localhost", port, {}, certificates.constructX509FromBase64(base64), true)),

  async addAccount(address, password, incoming, outgoing) {
    const server = MailServices.accounts.createIncomingServer(address, "localhost", incoming.kind);
    connection(server, incoming);
    server.setBoolValue("leave_on_server", Boolean(incoming.keep));
    await remember(server.localStoreType, address, password);
    const sender = MailServices.outgoingServer.createServer("smtp").QueryInterface(Ci.nsISmtpServer);
    sender.hostname = "localhost";
    sender.username = address;
    connection(sender, outgoing);
    await remember("smtp", address, password);
    const identity = MailServices.accounts.createIdentity();
    identity.email = address;
    identity.fullName = "Grüße";
    identity.smtpServerKey = sender.key;
    identity.fccFolderURI = `${server.serverURI}/Sent`;
    identity.draftsFolderURI = `${server.serverURI}/Drafts`;
    const made = MailServices.accounts.createAccount();
    made.addIdentity(identity);
    made.incomingServer = server;
    return made.key;
  },

  async send(key, to, subject, body, mode = "nsMsgDeliverNow") {
    const fields = Cc["@mozilla.org/messengercompose/composefields;1"].createInstance(Ci.nsIMsgCompFields);
    const identity = account(key).defaultIdentity;
    Object.assign(fields, { from: identity.email, to, subject });
    const sending = Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend);
    await finished(["nsIMsgSendListener", "nsIMsgCopyServiceListener"], (listener) => sending.createAndSendMessage(
      null, identity, key, fields, false, false, Ci.nsIMsgSend[mode], null, "text/plain", body, null, null, listener, "", "",
      Ci.nsIMsgCompType.New));
  },

  folders: (key) => account(key).incomingServer.rootFolder.descendants.map((one) => one.name).sort(),
  special: (key, path) => ["SentMail", "Drafts", "Trash", "Junk", "Archive"].filter(
    (name) => folder(key, path).getFlag(Ci.nsMsgFolderFlags[name])),
  subjects: (key, path) => subjects(folder(key, path).messages),
  flagged: (key, path) => subjects([...folder(key, path).messages].filter((one) => one.isFlagged)),
  // As a click on the folder does. Nothing says when that has ended, should the folder be busy with something else.
  open: (key, path) => folder(key, path).updateFolder(msgWindow()),

  async fetchPop(key) {
    const server = account(key).incomingServer.QueryInterface(Ci.nsIPop3IncomingServer);
    const inbox = server.rootMsgFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
    await fetched((listener) => MailServices.pop3.GetNewMail(msgWindow(), listener, inbox, server));
    return subjects(inbox.messages);
  },

  leaveOnServer: (key, keep) => account(key).incomingServer.setBoolValue("leave_on_server", keep),

  read(key, path, subject) {
    const found = folder(key, path);
    const uri = found.getUriForMsg(header(key, path, subject));
    return new Promise((resolve, reject) => {
      let text = "";
      MailServices.messageServiceFromURI(uri).streamMessage(uri, {
        QueryInterface: ChromeUtils.generateQI(["nsIStreamListener", "nsIRequestObserver"]),
        onStartRequest() {},
        onDataAvailable(_request, stream, _offset, count) {
          const reader = Cc["@mozilla.org/binaryinputstream;1"].createInstance(Ci.nsIBinaryInputStream);
          reader.setInputStream(stream);
          text += reader.readBytes(count);
        },
        onStopRequest: (_request, status) => Components.isSuccessCode(status) ? resolve(text) : reject(new Error(status)),
      }, null, null, false, "", false);
    });
  },

  mark(key, path, subject) {
    const messages = [header(key, path, subject)];
    folder(key, path).markMessagesRead(messages, true);
    folder(key, path).markMessagesFlagged(messages, true);
    folder(key, path).addKeywordsToMessages(messages, "$label1");
  },

  copy: (key, path, subject, to, isMove) => copied((listener) => MailServices.copy.copyMessages(
    folder(key, path), [header(key, path, subject)], folder(key, to), isMove, listener, msgWindow(), false)),
  delete: (key, path, subject, forGood) => copied((listener) => folder(key, path).deleteMessages(
    [header(key, path, subject)], msgWindow(), forGood, false, listener, false)),
  expunge: (key, path) => fetched((listener) => imapFolder(key, path).expunge(listener, msgWindow())),
  create: (key, path) => account(key).incomingServer.rootFolder.createSubfolder(path, msgWindow()),
  rename: (key, path, name) => folder(key, path).rename(name, msgWindow()),

  // As "Run search on server" does.
  search(key, path, attribute, text) {
    const session = Cc["@mozilla.org/messenger/searchSession;1"].createInstance(Ci.nsIMsgSearchSession);
    session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder(key, path));
    const term = session.createTerm();
    const value = term.value;
    term.attrib = value.attrib = Ci.nsMsgSearchAttrib[attribute];
    term.op = Ci.nsMsgSearchOp.Contains;
    value.str = text;
    term.value = value;
    session.appendTerm(term);
    return new Promise((resolve) => {
      const hits = [];
      session.registerListener({
        onNewSearch() {}, onSearchHit: (hit) => hits.push(hit), onSearchDone: () => resolve(subjects(hits)),
      });
      session.search(msgWindow());
    });
  },
};
return (async () => actions[arguments[0]](...[...arguments].slice(1)))();
