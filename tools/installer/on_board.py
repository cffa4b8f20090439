"""The few lines that the tool runs on a board: small, for MicroPython, each printing one Python literal."""

from __future__ import annotations

SLOTS = ("a", "b")

# what the board is, and what it holds; nothing secret is read out
REPORT = """
import sys,os,machine,binascii,hashlib,gc
def _h(n):
 try:f=open(n,'rb')
 except OSError:return ''
 h=hashlib.sha256();b=bytearray(512)
 while 1:
  k=f.readinto(b)
  if not k:break
  h.update(memoryview(b)[:k])
 f.close();return binascii.hexlify(h.digest()).decode()
def _w(d,p,r):
 try:l=os.ilistdir(d)
 except OSError:return
 for e in l:
  if e[1]&0x4000:_w(d+'/'+e[0],p+e[0]+'/',r)
  else:r[p+e[0]]=_h(d+'/'+e[0])
def _r(n):
 try:
  with open(n) as f:return f.read()
 except OSError:return ''
def _c():
 try:
  import json;c=json.loads(_r('/config.json'));return {k:c.get(k) for k in('companion_id','property_id','door','profile')}|{'wifi':[w['ssid'] for w in c.get('wifi')or[]]}
 except(ValueError,AttributeError):return {}
def _t():
 try:l=os.listdir('/tables')
 except OSError:return {}
 r={}
 for n in l:
  h=hashlib.sha256();w=os.stat('/tables/'+n)[6]-32
  with open('/tables/'+n,'rb')as f:
   while w>0:
    b=f.read(min(512,w));w-=len(b)
    if not b:break
    h.update(b)
   r[n]=f.read()==h.digest()
 return r
def _m():
 try:
  import vfs;return memoryview(vfs.rom_ioctl(2,0))if vfs.rom_ioctl(1)else None
 except(ImportError,AttributeError,OSError,TypeError):return None
def _i(m):
 n=0;k=3
 if bytes(m[:3])!=b'\\xd2\\xcd1':return {}
 while 1:
  n=n<<7|m[k]&127;k+=1
  if not m[k-1]&128:break
 return {'.romfs':binascii.hexlify(hashlib.sha256(m[:n+k]).digest()).decode()}if n+k<=len(m)else {}
_s={};_k=_m();_z=len(_k)//2 if _k else 0
for _n in 'ab':
 if _k:_s[_n]=_i(_k[_z*'ab'.index(_n):][:_z])
 else:_d={};_w('/'+_n,'',_d);_s[_n]=_d
_v=os.statvfs('/')
print(repr({'serial':binascii.hexlify(machine.unique_id()).decode(),'machine':getattr(sys.implementation,'_machine',''),'mpy':getattr(sys.implementation,'_mpy',0),'release':'.'.join(str(x) for x in sys.implementation[1][:3]),'running':'companion.main' in sys.modules,'slot':(_r('/slot')or'a')[:1],'main':_h('/main.py'),'slots':_s,'rom':_z,'memory':gc.mem_free()+gc.mem_alloc(),'config':_c(),'certificate':_h('/cert.der'),'key':bool(_h('/key.der')),'tables':_t(),'free':_v[0]*_v[3],'whole':_v[0]*_v[2],'names':os.listdir('/')}))
"""

# the hashes of some files, to see that they were written
HASHES = """
import hashlib,binascii
def _h(n):
 try:f=open(n,'rb')
 except OSError:return ''
 h=hashlib.sha256();b=bytearray(512)
 while 1:
  k=f.readinto(b)
  if not k:break
  h.update(memoryview(b)[:k])
 f.close();return binascii.hexlify(h.digest()).decode()
print(repr([_h(n) for n in %r]))
"""

READ = """
try:
 with open(%r,'rb') as _f:print(repr(_f.read()))
except OSError:print(repr(b''))
"""

# the firmware in a slot chooses its engine with the tables of a folder, and takes each: (engine, how many were whole)
TABLES = """
import gc,sys
_g={'__name__':'installer'}
with open('/main.py')as f:exec(f.read(),_g)
sys.path.insert(0,_g['firmware']())
gc.collect()
from companion.core import ed25519 as _e
from companion.store.shelf import Shelf as _S
_e.reserve()
_s=_S(%r);_b=bytearray(%d);_n=_e.prepare(_s)
print(repr((_n,sum([_s.load(_n,k,_b) for k in %r]))))
sys.path.pop(0)
"""

# what the blocks of the ROMFS's partition hold, from one on: the first bytes of a hash each
ROM_BLOCKS = """
import hashlib,binascii,esp32
_p=esp32.Partition.find(esp32.Partition.TYPE_DATA,label='romfs')[0]
_b=bytearray(4096);_r=[]
for _n in range(%d,%d):
 _p.readblocks(_n,_b);_r.append(binascii.hexlify(hashlib.sha256(_b).digest()[:8]).decode())
print(repr(_r))
"""
ROM_ERASE = "_p.ioctl(6,%d)"
ROM_WRITE = "from binascii import a2b_base64 as _d\n_p.writeblocks(%d,_d(%r),%d)"

MAKE_FOLDERS = """
import os
for _d in %r:
 try:os.mkdir(_d)
 except OSError as _e:
  if _e.errno!=17:raise
print(1)
"""

REMOVE = """
import os
def _x(p):
 try:s=os.stat(p)[0]
 except OSError:return
 if s&0x4000:
  for e in os.listdir(p):_x(p+'/'+e)
  os.rmdir(p)
 else:os.remove(p)
for _p in %r:_x(_p)
print(1)
"""

RENAME = """
import os
for _o,_n in %r:os.rename(_o,_n)
print(1)
"""

# put the files of a whole /provision in place, by the board's own start program
FINISH = """
_g={'__name__':'installer'}
with open('/main.py') as _f:exec(_f.read(),_g)
_g['finish']()
print(1)
"""

# the raw partition in which the firmware keeps what it learned
ERASE_STORE = """
_n=0
try:
 import esp32
 for _p in esp32.Partition.find(esp32.Partition.TYPE_DATA,label='store'):
  for _b in range(_p.ioctl(4,0)):
   _p.ioctl(6,_b);_n+=1
except ImportError:pass
print(_n)
"""

# join a network and leave it: (how it went, signal in dBm)
TRY_WIFI = """
import network,time
_w=network.WLAN(network.STA_IF);_w.active(True)
try:_w.disconnect()
except OSError:pass
_w.connect(%r,%r)
_t=time.ticks_ms();_g='timeout'
_bad={getattr(network,'STAT_WRONG_PASSWORD',-1):'password',getattr(network,'STAT_NO_AP_FOUND',-2):'not_found'}
while time.ticks_diff(time.ticks_ms(),_t)<%d:
 if _w.isconnected():_g='joined';break
 if _w.status() in _bad:_g=_bad[_w.status()];break
 time.sleep_ms(100)
_r=None
if _g=='joined':
 try:_r=_w.status('rssi')
 except(OSError,ValueError):pass
try:_w.disconnect()
except OSError:pass
print(repr((_g,_r)))
"""

HOLD_AND_RESET = """
f=open('/hold','w');f.close()
import machine
machine.reset()
"""

RESET = """
import machine
machine.reset()
"""
