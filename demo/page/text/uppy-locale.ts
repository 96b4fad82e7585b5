/** The texts of Uppy in the languages of the page. */
import en from '@uppy/locales/lib/en_US.js';
import zh from '@uppy/locales/lib/zh_CN.js';
import type { Language } from '../settings.ts';

/** What the package of Uppy does not have, and the texts of the uploader plugin. */
const MORE = {
  failedToAddFiles: '无法添加文件',
  remoteFile: '无法上传“%{name}”：它在远程服务器上，而此上传器只读取本地文件',
  dataMissing: '无法上传“%{name}”：它的数据已不存在。请重新选择文件',
  notABlob: '无法上传“%{name}”：它的数据不是 Blob 或 File，重试时无法再次读取',
  keyInUse: '无法把“%{name}”上传为“%{key}”：“%{other}”正在使用同一个键',
  uninstalled: '“%{name}”的上传已停止，因为上传器已被移除',
  adviceService: '请按提示修正，例如修正策略或地址，然后重试。',
  adviceTransport: '请检查网络和 Bucket 的跨域规则，然后重试：会从对象的末尾继续。',
  adviceConflict: '另一个写入者改变、删除或替换了对象，或者对象中是其他内容。请换一个键。',
  adviceDifferentPrefix: '此对象中是其他内容，例如另一个文件之前的上传。请换一个键。',
  adviceDamaged: '对象已损坏。请不要继续追加，用新的键保存文件。',
  adviceSource: '请重新选择文件。上传会从对象的末尾继续。',
  adviceCredentials: '请检查令牌接口，然后重试：会从对象的末尾继续。',
};

type Locale = typeof en;

const ZH: Locale = { ...zh, strings: { ...zh.strings, ...MORE } };

export function uppyLocale(language: Language): Locale {
  return language === 'zh' ? ZH : en;
}
